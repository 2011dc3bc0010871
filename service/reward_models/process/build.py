"""A process scorer from its settings: the checkpoint is checked, the convention tried out, and the model started."""

from service.reward_models.base.builder import Built, Materials
from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.ports import Checkpoint, ScorerInfo
from service.reward_models.base.sanity_check import ARITHMETIC
from service.reward_models.checkpoints.verify import open_checkpoint, open_language_model
from service.reward_models.pooling.head import Head
from service.reward_models.process.formats import Tokens
from service.reward_models.process.label_tokens import check_logits
from service.reward_models.process.scorer import PooledStepScorer
from service.reward_models.process.settings import ProcessScorer
from service.reward_models.process.start import Starting


def build_process(settings: ProcessScorer, materials: Materials) -> Built:
    """A scorer on a head of its own, or on two words of a language model; all is checked before the model starts."""
    from service.reward_models.process.layouts import layout_of, open_step_tokenizer, token_ids

    convention, path = settings.convention, materials.model_path(settings.model)
    head = Head(convention.label, convention.activation)
    if isinstance(convention.rows, Tokens):
        folder, parameters = open_language_model(path), None
        check_logits(folder, settings.backend)
    else:
        checkpoint = open_checkpoint(path, settings.backend)
        folder, parameters = checkpoint.path, checkpoint.parameters
        _check_label(head, checkpoint)
    tokenizer = open_step_tokenizer(folder, convention)
    layout = layout_of(convention, tokenizer, settings.delimiter)
    starting = Starting(settings, materials.lock, materials.starts)
    if isinstance(convention.rows, Tokens):
        words = token_ids(tokenizer, convention.rows)
        rows, model = starting.words(folder, words, [tokenizer.word_of(word) for word in words])
    else:
        rows = model = starting.head(checkpoint)
    info = ScorerInfo(
        settings.name,
        "step",
        settings.backend,
        model=settings.model,
        dtype=model.dtype,
        max_model_len=model.max_model_len,
        parameters=parameters,
        label=head.label,
        activation=head.activation,
        step_delimiter=settings.delimiter,
    )
    scorer = PooledStepScorer(settings.name, layout, rows, head, settings.delimiter)
    check = None if settings.sanity_check is False else settings.sanity_check or ARITHMETIC
    return Built(info, step=scorer, resource=model, check=check)


def _check_label(head: Head, checkpoint: Checkpoint) -> None:
    if head.label >= checkpoint.labels:
        raise ScorerLoadError(
            f"its head has {checkpoint.labels} rows, and the convention reads row {head.label}: "
            "set `format` to this model's convention"
        )
