"""Settings of a scorer on another server. Its address stands here and nowhere else: no request can name one."""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from service.reward_models.base.settings import NamedScorer

ApiName = Literal["vllm_classify", "vllm_pooling", "vllm_score", "tei_rerank", "tei_predict"]


class RemoteSettings(NamedScorer):
    """A reward model behind HTTP."""

    backend: Literal["remote"] = Field(description="What runs it.")
    kind: Literal["outcome"] = Field("outcome", description="Judges whole responses.")
    api: ApiName = Field(
        description="What the server speaks: vLLM's /classify, /pooling or /score, TEI's /rerank or /predict."
    )
    url: str = Field(max_length=2048, description="Address of the server, as `http://host:8000`.")
    model: str | None = Field(None, description="Name of the model, where the server asks for one (vLLM).")
    label: int = Field(
        0, ge=0, description="Row of the head that holds the score (vLLM's /classify and /pooling)."
    )
    label_name: str | None = Field(
        None, description="Label whose score counts, where there are several (TEI's /predict)."
    )
    raw_scores: bool = Field(True, description="Raw logits; false: after the server's own activation.")
    token_variable: str | None = Field(
        None, description="Environment variable with the token for the authorization header."
    )
    token_header: str = Field(
        "Authorization",
        pattern=r"^[A-Za-z0-9-]+$",
        description="Header for it; in `Authorization` as a Bearer.",
    )
    timeout_s: float = Field(30.0, gt=0, description="Seconds that one attempt may take.")
    retries: int = Field(
        3, ge=0, le=10, description="Further attempts if it cannot be reached, or says 429 or 503."
    )
    max_concurrency: int = Field(8, ge=1, description="Calls at once, all requests together.")
    batch_size: int = Field(
        32, ge=1, description="Texts in one call (vLLM's /score, TEI); the others take one text a call."
    )

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("an address such as http://host:8000")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("no user, query or fragment in it; a token goes by token_variable")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        if "label" in self.model_fields_set and self.api not in ("vllm_classify", "vllm_pooling"):
            raise ValueError("label: goes with vllm_classify and vllm_pooling")
        if self.label_name is not None and self.api != "tei_predict":
            raise ValueError("label_name: goes with tei_predict")
        return self
