"""How the model shall sample: every parameter of vLLM's chat endpoint that makes sense for one cited answer.

https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
Nothing is sent that the caller did not set, so that the model's own defaults hold.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

Token = Annotated[str, Field(min_length=1, max_length=200)]


class GenerationParams(BaseModel):
    """Sampling parameters of one answer; unset means the model server's default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(None, ge=0, le=2, description="Spread of the sampling; 0 is greedy.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus: share of the probability sampled from.")
    top_k: int | None = Field(None, ge=-1, description="Most tokens sampled from; -1 or 0: all of them.")
    min_p: float | None = Field(None, ge=0, le=1, description="Least probability, as a share of the best token's.")
    repetition_penalty: float | None = Field(None, gt=0, le=10, description="Above 1: repeats become less likely.")
    frequency_penalty: float | None = Field(None, ge=-2, le=2, description="Per repeat, by how often it occurred.")
    presence_penalty: float | None = Field(None, ge=-2, le=2, description="Once, for a token that occurred.")
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, description="Longest answer, in tokens.")
    min_tokens: int | None = Field(None, ge=0, le=1_000_000, description="Shortest answer, in tokens.")
    stop: Token | Annotated[list[Token], Field(max_length=16)] | None = Field(None, description="Where to end.")
    stop_token_ids: Annotated[list[int], Field(max_length=64)] | None = Field(None, description="Tokens that end.")
    include_stop_str_in_output: bool | None = Field(None, description="Whether the stop string is kept.")
    ignore_eos: bool | None = Field(None, description="Go on after the end-of-text token.")
    bad_words: Annotated[list[Token], Field(max_length=256)] | None = Field(None, description="Never written.")
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = Field(None, description="By token id.")
    seed: int | None = Field(None, ge=-(2**63), lt=2**63, description="Makes sampling repeatable.")
    logprobs: bool | None = Field(None, description="Return each token's log probability.")
    top_logprobs: int | None = Field(None, ge=0, le=20, description="Alternatives returned with each token.")
    response_format: dict[str, Any] | None = Field(None, description="Passed on to the model server.")
    structured_outputs: dict[str, Any] | None = Field(None, description="vLLM's guided decoding, passed on.")
    guided_json: dict[str, Any] | str | None = Field(None, description="Guided decoding of older vLLMs, passed on.")
    guided_regex: str | None = Field(None, description="As guided_json.")
    guided_choice: list[str] | None = Field(None, description="As guided_json.")
    guided_grammar: str | None = Field(None, description="As guided_json.")
    chat_template_kwargs: dict[str, Any] | None = Field(None, description='Such as {"enable_thinking": false}.')
    priority: int | None = Field(None, description="vLLM's scheduling priority; lower is earlier.")

    @model_validator(mode="after")
    def _parts_fit(self) -> GenerationParams:
        if self.top_logprobs and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        if self.min_tokens is not None and self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise ValueError("min_tokens may not exceed max_tokens")
        return self
