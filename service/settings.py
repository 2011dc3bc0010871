"""Every knob of the service: flags over environment (`NBEST_…`) over the YAML file over these defaults."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from service.keys.configuration import KeySettings
from service.limits import Limits
from service.observing.configuration import LogFormat
from service.reward_models.configuration import AnyScorer, ScorerSettings
from service.section import EMBEDDED, Section
from service.supervision.configuration import SupervisionSettings


class ServerSettings(Section):
    """Where the service listens."""

    host: str = Field("127.0.0.1", description="Address to bind.")
    port: int = Field(8000, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")
    log_format: LogFormat = Field(
        "auto", description="How log lines look (`auto`: for people on a terminal, JSON elsewhere)."
    )
    traces_endpoint: str | None = Field(
        None,
        description="OTLP/HTTP collector that gets the traces, as `http://127.0.0.1:4318/v1/traces` (default: none,"
        " or what OpenTelemetry's own variables name).",
    )
    drain_timeout_s: float = Field(
        60.0, ge=0, description="Seconds that requests in flight get after SIGTERM."
    )
    drain_notice_s: float = Field(
        0.0, ge=0, description="Seconds after SIGTERM in which `/ready` says 503 before the port closes."
    )


class EngineSettings(Section):
    """The generator."""

    kind: Literal["vllm", "scripted"] = Field(
        "vllm", description="`scripted` needs no model: for development."
    )
    model: str = Field(
        EMBEDDED, description="`embedded`, or a folder or repository with safetensors weights."
    )
    served_name: str | None = Field(None, description="Name in `/v1/models`; by default the model's own.")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field("auto", description="Weights' type.")
    max_model_len: int | None = Field(
        None, ge=16, description="Longest prompt and answer together, in tokens."
    )
    max_num_seqs: int = Field(64, ge=1, description="Candidates generated at once, all requests together.")
    kv_cache_mib: int | None = Field(
        None, ge=64, description="Memory for the KV cache in MiB (default: 512 on CPU)."
    )
    gpu_memory_utilization: float | None = Field(
        None, gt=0, le=1, description="Share of the GPU (vLLM's meaning)."
    )
    block_size: int | None = Field(None, description="KV block in tokens (default: 32 on CPU).")
    enforce_eager: bool | None = Field(None, description="Skip compilation (default: yes on CPU).")
    tensor_parallel_size: int = Field(1, ge=1, description="GPUs that share one copy of the model.")
    data_parallel_size: int = Field(1, ge=1, description="Copies of the model.")
    threads: str | None = Field(None, description="CPU cores bound, as `0-3` (default: all).")
    extra: dict[str, Any] = Field(default_factory=dict, description="Further vLLM engine arguments, by name.")


class Settings(BaseSettings):
    """The whole configuration of one service."""

    model_config = SettingsConfigDict(
        env_prefix="NBEST_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    server: ServerSettings = Field(default_factory=ServerSettings, description="Where the service listens.")
    engine: EngineSettings = Field(default_factory=EngineSettings, description="The generator.")
    scorers: list[AnyScorer] | None = Field(
        None, description="The reward models (default: the embedded one, as `outcome` and as `step`)."
    )
    fusors: dict[str, EngineSettings] = Field(
        default_factory=dict, description="Further generators that a request may name as its fusor."
    )
    limits: Limits = Field(default_factory=Limits, description="What requests may ask for.")
    keys: list[KeySettings] = Field(
        default_factory=list, description="Who may use the service; without any, everybody may."
    )
    supervision: SupervisionSettings = Field(
        default_factory=SupervisionSettings, description="The watch over the engines."
    )
    presets: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Strategies by model name: each a `strategy` object as in a request.",
    )
    sharing: Literal["auto", "alternate", "overlap"] = Field(
        "auto",
        description="Whether generator and scorers take turns on the device (`auto`: they do on CPU cores they share).",
    )

    @field_validator("scorers")
    @classmethod
    def _names_are_unique(cls, scorers: list[AnyScorer] | None) -> list[AnyScorer] | None:
        names = [scorer.name for scorer in scorers or ()]
        if doubled := {n for n in names if names.count(n) > 1}:
            raise ValueError(f"scorer names must differ; repeated: {sorted(doubled)}")
        return scorers

    @field_validator("keys")
    @classmethod
    def _keys_differ(cls, keys: list[KeySettings]) -> list[KeySettings]:
        for what in ("name", "sha256"):
            if len({getattr(key, what) for key in keys}) < len(keys):
                raise ValueError(f"keys must differ in {what}")
        return keys

    @property
    def loaded_scorers(self) -> list[AnyScorer]:
        """The scorers to load; where none are named, the default pair, played by a script beside a scripted engine."""
        if self.scorers is not None:
            return self.scorers
        backend = self.engine.kind
        return [
            ScorerSettings(name="outcome", kind="outcome", backend=backend, label=0),
            ScorerSettings(name="step", kind="step", backend=backend, label=1, activation="sigmoid"),
        ]

    @classmethod
    def load(cls, config: Path | None = None, **flags: Any) -> "Settings":
        """Merge the sources; `flags` are nested dictionaries of what was given on the command line."""

        class Sourced(cls):  # type: ignore[valid-type,misc]  # the sources depend on the arguments
            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,
                env_settings: PydanticBaseSettingsSource,
                dotenv_settings: PydanticBaseSettingsSource,
                file_secret_settings: PydanticBaseSettingsSource,
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                sources: list[PydanticBaseSettingsSource] = [
                    InitSettingsSource(settings_cls, flags),
                    env_settings,
                ]
                if config is not None:
                    sources.append(YamlConfigSettingsSource(settings_cls, yaml_file=config))
                return tuple(sources)

        return cls.model_validate(Sourced().model_dump(exclude_unset=True))
