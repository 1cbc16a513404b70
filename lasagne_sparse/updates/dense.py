"""The dense rules that Lasagne 0.1 lacks, by the path that they had in one file"""

from .adamax import dense_adamax as adamax
from .amsgrad import dense_amsgrad as amsgrad
from .rowwise_adagrad import dense_rowwise_adagrad as rowwise_adagrad

__all__ = ["adamax", "amsgrad", "rowwise_adagrad"]
