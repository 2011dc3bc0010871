"""Python client of nbest: ask for the best of many answers, and see why it was chosen.

from nbest_client import BestOfN, Client

with Client("http://127.0.0.1:8000") as client:
    print(client.generate("What is 17 + 8?", strategy=BestOfN(n=16)))
"""

from nbest_client._async_client import AsyncClient, AsyncStream
from nbest_client._candidate_input import CandidateInput
from nbest_client._client import Client, Stream
from nbest_client._errors import (
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidRequest,
    NbestError,
    NotFound,
    ServerFailed,
    TryAgain,
)
from nbest_client._requests import Messages, Sampling
from nbest_client._responses.catalog import ModelInfo, ScorerInfo, StrategyInfo
from nbest_client._responses.comparison import Compared, Comparison
from nbest_client._responses.explanation import Candidate, Cost, Explanation, ModelCost, Rejection, Vote
from nbest_client._responses.results import (
    Choice,
    Delta,
    Generation,
    Scores,
    Selection,
    TextScore,
    Usage,
)
from nbest_client._responses.run_events import RunError, RunEvent
from nbest_client._strategies import (
    BestOfMajority,
    BestOfN,
    EarlyRejection,
    FusionOfN,
    Majority,
    Rpc,
    Single,
    TopH,
    WeightedMajority,
)
from nbest_client._strategy import AnswerForm, AnyStrategy, Budget, Custom, Strategy, openai_extra_body
from nbest_client._version import __version__

__all__ = [
    "AnswerForm",
    "AnyStrategy",
    "AsyncClient",
    "AsyncStream",
    "AuthenticationError",
    "BestOfMajority",
    "BestOfN",
    "Budget",
    "Candidate",
    "CandidateInput",
    "Choice",
    "Client",
    "Compared",
    "Comparison",
    "ConnectionFailed",
    "Cost",
    "Custom",
    "DeadlineExceeded",
    "Delta",
    "EarlyRejection",
    "Explanation",
    "FusionOfN",
    "Generation",
    "InvalidRequest",
    "Majority",
    "Messages",
    "ModelCost",
    "ModelInfo",
    "NbestError",
    "NotFound",
    "Rejection",
    "Rpc",
    "RunError",
    "RunEvent",
    "Sampling",
    "ScorerInfo",
    "Scores",
    "Selection",
    "ServerFailed",
    "Single",
    "Strategy",
    "StrategyInfo",
    "Stream",
    "TextScore",
    "TopH",
    "TryAgain",
    "Usage",
    "Vote",
    "WeightedMajority",
    "__version__",
    "openai_extra_body",
]
