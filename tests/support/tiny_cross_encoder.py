"""A cross-encoder of random weights, made in a second: `python tests/support/tiny_cross_encoder.py DIR`.

Its scores are noise; how it is loaded, batched, called and served is real. Runs on torch, transformers and
tokenizers alone, inside the vLLM environment and that of sentence-transformers. One seed gives the same weights.
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

SEED = 21
MAX_POSITIONS = 256
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Letter by letter, and Han characters by their first byte: every text has tokens, and texts differ."""
    letters = [chr(code) for code in range(33, 127)]
    vocabulary = {token: i for i, token in enumerate([*_SPECIAL, *letters, *(f"##{each}" for each in letters)])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=200))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"])
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=MAX_POSITIONS,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def make_model(tokenizer: PreTrainedTokenizerFast, labels: int = 1) -> BertForSequenceClassification:
    """A BERT of two small layers with one label unless told, and random weights large enough that scores differ."""
    torch.manual_seed(SEED)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=MAX_POSITIONS,
        num_labels=labels,
        initializer_range=0.5,
        pad_token_id=tokenizer.pad_token_id,
    )
    return BertForSequenceClassification(config).eval()


def scores(question: str, texts: list[str]) -> list[float]:
    """What the model says, by transformers alone, a pair at a time: the sigmoid of its one logit."""
    tokenizer, model = make_tokenizer(), make_model(make_tokenizer())
    with torch.no_grad():
        pairs = [tokenizer(question, text, return_tensors="pt", truncation=True) for text in texts]
        return [torch.sigmoid(model(**pair).logits[0, 0]).item() for pair in pairs]


def main() -> None:
    """Write the checkpoint to the folder named first, and print the scores of a question and texts that follow."""
    folder, asked = Path(sys.argv[1]), sys.argv[2:]
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(folder)
    make_model(tokenizer).save_pretrained(folder)
    if asked:
        print(json.dumps(scores(asked[0], asked[1:])))


if __name__ == "__main__":
    main()
