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

from service.admission.settings import Limits
from service.engine.settings import EngineSettings
from service.keys.settings import KeySettings
from service.observability.settings import LogFormat
from service.reward_models.loading.registry import AnyScorer
from service.reward_models.pooling.settings import ScorerSettings
from service.supervision.settings import SupervisionSettings
from strategies.base.frozen_model import FrozenModel


class ServerSettings(FrozenModel):
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
    generators: dict[str, EngineSettings] = Field(
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
        backend = self.engine.backend
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
