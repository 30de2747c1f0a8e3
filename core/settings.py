"""Every setting, in one place: from the environment (prefix RAGSTONE_) or a .env file, validated at start."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import InvalidSettings

_MIN_KEY_CHARS = 16


class Settings(BaseSettings):
    """The settings of server, worker and command line; a field's description is its documentation."""

    model_config = SettingsConfigDict(
        env_prefix="RAGSTONE_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    # Where it listens and keeps its data.
    host: str = Field("127.0.0.1", description="Address that the server listens on.")
    port: int = Field(8080, ge=1, le=65535, description="Port that the server listens on.")
    data_dir: Path = Field(Path("var"), description="Folder for everything written at run time.")
    database_url: str = Field(
        "", description="SQLAlchemy URL (SQLite or PostgreSQL); empty: SQLite in the data folder."
    )
    admin_key: SecretStr | None = Field(
        None, description="Admin key, used as given; unset: generated into the data folder."
    )
    examples: bool = Field(True, description="Load the example collection at the first `ragstone up`.")
    public_url: str = Field("", description="Address that users reach the service under; empty: the request's.")
    log_format: Literal["text", "json"] = Field("text", description="Log lines for people or for machines.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe line logged.")

    # Embedding and index.
    embedder: str = Field(
        "e5", description="`e5` (embedded), `st:<model or path>` or `openai:<model>`; for new collections."
    )
    embed_base_url: str = Field("", description="Base URL of an OpenAI-compatible embeddings endpoint, with /v1.")
    embed_api_key: SecretStr = Field(SecretStr(""), description="Key for the embeddings endpoint.")
    embed_batch: int = Field(32, ge=1, le=2048, description="Texts sent to the embedder at once.")
    embed_batch_tokens: int = Field(
        8192, ge=64, description="Tokens sent to the embedder at once, padding included."
    )
    embed_concurrency: int = Field(4, ge=1, le=64, description="Embedding requests under way at once.")
    embed_timeout_s: float = Field(60, gt=0, description="Longest wait for one embedding request.")
    embed_threads: int = Field(0, ge=0, description="Threads of the embedded embedder; 0: the machine's cores.")
    vector_cache_size: int = Field(
        1_000_000, ge=0, description="Vectors kept so that unchanged text is not embedded again; 0: none."
    )
    index: Literal["embedded", "milvus"] = Field(
        "embedded", description="Index engine: our own files in the data folder, or Milvus."
    )
    milvus_uri: str = Field(
        "", description="Milvus server, `http://host:19530`; a file path for Milvus Lite in one process."
    )
    milvus_token: SecretStr = Field(SecretStr(""), description="Token, or `user:password`, for Milvus.")
    milvus_prefix: str = Field(
        "ragstone",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$",
        description="Beginning of our collections' names in Milvus; installations that share one need their own.",
    )
    lexical: Literal["bm25", "bm25-robertson", "rank-bm25"] = Field(
        "bm25", description="Lexical ranking: Lucene's idf, rank-bm25's idf on our engine, or rank-bm25 itself."
    )
    title_weight: int = Field(1, ge=1, le=16, description="Times a title's word counts in the lexical ranking.")
    heading_weight: int = Field(1, ge=1, le=16, description="Times a heading's word counts in the lexical ranking.")
    exact_rows: int = Field(
        2048,
        ge=1000,
        description="Vectors of a segment up to which all are compared; more are searched through codes.",
    )
    merge_at_rest_s: float = Field(
        60.0,
        ge=0,
        description="Seconds without a change after which an index's segments are merged into fewer.",
    )
    faiss_device: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="Where FAISS searches; auto: a GPU if faiss-gpu finds one."
    )

    # What happens to the order of both lists.
    reranker: str = Field(
        "none", description="`none`, `st:<model or path>` (a cross-encoder) or `endpoint:<model>` (vLLM, Jina)."
    )
    rerank_base_url: str = Field("", description="Base URL of the rerank endpoint, with /v1; `/rerank` is added.")
    rerank_api_key: SecretStr = Field(SecretStr(""), description="Key for the rerank endpoint.")
    rerank_depth: int = Field(30, ge=1, le=1000, description="Passages that the reranker reads for a question.")
    rerank_budget_ms: int = Field(
        1000, ge=1, le=60_000, description="Longest wait for the reranker; then the fused order stands."
    )
    collapse_duplicates: bool = Field(
        False, description="Show passages that say nothing beside a better one with it, not beside it."
    )
    passage_max_tokens: int = Field(
        400, ge=32, le=8000, description="Longest passage that neighbouring chunks are joined to."
    )

    # Chunking: counted in the embedder's own tokens.
    chunk_target_tokens: int = Field(100, ge=16, le=8000, description="Size a chunk is filled up to.")
    chunk_max_tokens: int = Field(200, ge=32, le=8000, description="Size that no chunk exceeds.")

    # Feeding.
    max_file_bytes: int = Field(100 * 2**20, ge=1024, description="Largest file accepted.")
    max_request_bytes: int = Field(512 * 2**20, ge=1024, description="Largest upload request accepted.")
    max_json_bytes: int = Field(
        4 * 2**20, ge=64 * 1024, description="Largest JSON body accepted, a question with its conversation for one."
    )
    max_files_per_request: int = Field(1000, ge=1, description="Most files or bulk lines in one request.")
    max_document_chars: int = Field(20_000_000, ge=1000, description="Longest parsed text accepted.")
    max_queued_items: int = Field(100_000, ge=1, description="Documents waiting before uploads get a 429.")
    workers: int = Field(
        0, ge=0, le=64, description="Workers that `ragstone up` starts; 0: one for every four cores, at most 8."
    )
    worker_batch: int = Field(16, ge=1, le=1000, description="Documents that a worker commits together.")
    worker_poll_s: float = Field(0.5, gt=0, description="Pause of an idle worker between looks at the queue.")
    worker_nice: int = Field(
        10, ge=0, le=19, description="How far workers stand back for the server's questions, as in `nice -n`."
    )
    lease_s: float = Field(60, gt=1, description="Time after which a silent worker's documents go to another.")
    max_attempts: int = Field(4, ge=1, description="Starts of one document before it counts as failed.")
    parse_timeout_s: float = Field(300, gt=0, description="Longest time that parsing one document may take.")
    generation_keep_s: float = Field(3600, ge=0, description="Time that a replaced index generation is kept.")
    generation_follow: bool = Field(
        True, description="Keep a replaced generation up to date, so that a rollback is instant."
    )

    # Asking.
    generator: Literal["extractive", "openai"] = Field(
        "extractive", description="`extractive` (no model: quotes the documents) or `openai` (vLLM and the like)."
    )
    llm_base_url: str = Field("http://127.0.0.1:8000/v1", description="Base URL of the model server, with /v1.")
    llm_model: str = Field("", description="Model asked for; empty: the first that the model server lists.")
    llm_api_key: SecretStr = Field(SecretStr(""), description="Key for the model server.")
    llm_context_tokens: int = Field(8192, ge=512, description="Context that prompt and answer share.")
    llm_max_tokens: int = Field(1024, ge=1, description="Longest answer unless the request says otherwise.")
    llm_connect_timeout_s: float = Field(5, gt=0, description="Longest wait for a connection to the model server.")
    llm_first_token_timeout_s: float = Field(60, gt=0, description="Longest wait for the first token.")
    llm_idle_timeout_s: float = Field(30, gt=0, description="Longest silence between two tokens.")
    llm_retries: int = Field(2, ge=0, le=10, description="Retries before the first token.")
    llm_concurrency: int = Field(64, ge=1, description="Calls to the model server at once.")
    llm_queue: int = Field(256, ge=0, description="Calls that may wait for a slot; more get a 429.")
    llm_queue_timeout_s: float = Field(30, gt=0, description="Longest wait for a slot, then a 503.")
    unsupported: Literal["flag", "withhold"] = Field(
        "flag", description="What happens to a sentence without support in the sources."
    )
    refuse_below: float = Field(
        0.65, ge=0, le=1, description="Least probability that the sources answer the question; below it: a refusal."
    )
    max_question_chars: int = Field(8000, ge=16, description="Longest question accepted.")
    max_history_turns: int = Field(20, ge=0, description="Earlier turns of a conversation that are read.")
    default_k: int = Field(8, ge=1, le=100, description="Hits given to the generator.")
    max_k: int = Field(100, ge=1, le=1000, description="Most hits that a request may ask for.")
    max_depth: int = Field(1000, ge=50, description="Most passages that a request may have each list propose.")
    search_threads: int = Field(8, ge=1, le=256, description="Searches at once; others wait.")
    ping_s: float = Field(10, gt=0, description="Silence on a stream after which a comment is sent.")
    write_timeout_s: float = Field(60, gt=0, description="Longest time that a reader may hold up a stream.")
    prompts_dir: Path | None = Field(None, description="Folder with prompt files that replace the built-in ones.")
    conversation_keep_s: float = Field(30 * 86400, ge=0, description="Time that conversations are kept.")

    @field_validator("admin_key")
    @classmethod
    def _key_is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < _MIN_KEY_CHARS:
            raise ValueError(f"a key needs at least {_MIN_KEY_CHARS} characters")
        return value

    @field_validator("embedder")
    @classmethod
    def _embedder_is_known(cls, value: str) -> str:
        if value == "e5" or any(value.startswith(p) and len(value) > len(p) for p in ("st:", "openai:")):
            return value
        raise ValueError(f"the embedder {value!r} is none of e5, st:<model or path>, openai:<model>")

    @field_validator("reranker")
    @classmethod
    def _reranker_is_known(cls, value: str) -> str:
        if value == "none" or any(value.startswith(p) and len(value) > len(p) for p in ("st:", "endpoint:")):
            return value
        raise ValueError(f"the reranker {value!r} is none of none, st:<model or path>, endpoint:<model>")

    @field_validator("llm_base_url", "embed_base_url", "rerank_base_url", "public_url")
    @classmethod
    def _is_http_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError(f"{value!r} does not begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _database_is_supported(cls, value: str) -> str:
        if value.startswith(("postgresql://", "postgres://")):
            return "postgresql+psycopg://" + value.split("://", 1)[1]
        if value and not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("only sqlite:///… and postgresql://… are supported")
        return value

    @model_validator(mode="after")
    def _parts_fit(self) -> Settings:
        if self.chunk_target_tokens > self.chunk_max_tokens:
            raise ValueError("chunk_target_tokens may not exceed chunk_max_tokens")
        if self.embedder.startswith("openai:") and not self.embed_base_url:
            raise ValueError("RAGSTONE_EMBEDDER=openai:<model> needs RAGSTONE_EMBED_BASE_URL")
        if self.reranker.startswith("endpoint:") and not self.rerank_base_url:
            raise ValueError("RAGSTONE_RERANKER=endpoint:<model> needs RAGSTONE_RERANK_BASE_URL")
        if self.index == "milvus" and not self.milvus_uri:
            raise ValueError("RAGSTONE_INDEX=milvus needs RAGSTONE_MILVUS_URI")
        if self.index == "milvus" and self.lexical != "bm25":
            raise ValueError("RAGSTONE_INDEX=milvus ranks by RAGSTONE_LEXICAL=bm25 only")
        if self.default_k > self.max_k:
            raise ValueError("default_k may not exceed max_k")
        return self

    @property
    def resolved_database_url(self) -> str:
        """The URL given, or SQLite inside the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'ragstone.db'}"

    @property
    def index_dir(self) -> Path:
        """Folder of the index generations."""
        return self.data_dir / "index"

    def index_folder(self, generation_id: int) -> Path:
        """Folder of one generation's index."""
        return self.index_dir / str(generation_id)

    @property
    def blob_dir(self) -> Path:
        """Folder of the original files."""
        return self.data_dir / "blobs"

    @property
    def models_dir(self) -> Path:
        """Folder of files derived from model packages; can be deleted at any time."""
        return self.data_dir / "models"


def load_settings() -> Settings:
    """Read the settings of this process; raises InvalidSettings, which names the first bad one with its reason."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "RAGSTONE_" + "_".join(str(part) for part in first["loc"]).upper()
        reason = first["msg"].removeprefix("Value error, ")
        raise InvalidSettings(f"the setting {name if first['loc'] else 'check failed'}: {reason}") from error
