"""The named rules, each in a file of its name: Lasagne's dense rule made sparse"""

from .adadelta import adadelta
from .adagrad import adagrad
from .adam import adam
from .adamax import adamax
from .amsgrad import amsgrad
from .momentum import momentum
from .nesterov_momentum import nesterov_momentum
from .rmsprop import rmsprop
from .rowwise_adagrad import rowwise_adagrad
from .sgd import sgd

__all__ = [
    "sgd",
    "momentum",
    "nesterov_momentum",
    "adagrad",
    "rmsprop",
    "adadelta",
    "adam",
    "adamax",
    "amsgrad",
    "rowwise_adagrad",
]
