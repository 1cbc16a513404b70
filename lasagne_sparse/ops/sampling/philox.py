"""Random bits by their number: Philox, a generator whose whole state is a counter

Nothing has to be carried from one number to the next, so that a loop in C and NumPy's
arrays make the same bits, and a saved counter goes on where it was.
``ops/sampling/philox.h`` says the same in C.
"""

import numpy as np

__all__ = ["multiply_high", "philox"]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10


def philox(seed, stream, position, count):
    """Makes blocks of random bits

    * ``block[i] := Philox4x32-10(counter=(position + i, stream), key=seed)``

    Parameters
    ----------
    seed : int
        64 bits, of which a negative number's are those of its two's complement.
    stream : int
        64 bits: streams of one seed have no block in common.
    position : int
        64 bits: the number of the first block.
    count : int
        How many blocks.

    Returns
    -------
    pair of NumPy vectors, shape ``(count,)``, uint64
        The first and the second half of each block.

    References
    ----------
    .. [1] Salmon, J., Moraes, M., Dror, R., & Shaw, D. (2011): Parallel Random
           Numbers: As Easy as 1, 2, 3. Proceedings of SC11, section 4.

    Examples
    --------
    >>> first, second = philox(seed=0, stream=0, position=0, count=1)
    >>> print('%016x %016x' % (first[0], second[0]))
    e169c58d6627e8d5 9b00dbd8bc57ac4c
    """
    number = np.arange(count, dtype=np.uint64) + np.uint64(position % 2**64)
    c0, c1 = number & _LOW, number >> _HALF
    c2, c3 = (
        np.full(count, word, np.uint64)
        for word in (stream & 0xFFFFFFFF, stream >> 32 & 0xFFFFFFFF)
    )
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF
    for _ in range(_ROUNDS):
        one, two = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (two >> _HALF) ^ c1 ^ np.uint64(k0),
            two & _LOW,
            (one >> _HALF) ^ c3 ^ np.uint64(k1),
            one & _LOW,
        )
        k0, k1 = k0 + _WEYL[0] & 0xFFFFFFFF, k1 + _WEYL[1] & 0xFFFFFFFF
    return c0 | c1 << _HALF, c2 | c3 << _HALF


def multiply_high(numbers, factor):
    """Multiplies numbers of 64 bits, to 128 bits

    Parameters
    ----------
    numbers : NumPy array, uint64
    factor : int
        In [0, 2**64).

    Returns
    -------
    pair of NumPy arrays, uint64
        The upper and the lower half of the products. Of random bits these are a number
        in [0, `factor`), and how far it is on the way to the next one.

    Examples
    --------
    >>> upper, lower = multiply_high(np.array([2**63, 3], 'uint64'), 5)
    >>> print(upper.tolist(), lower.tolist())
    [2, 0] [9223372036854775808, 15]
    """
    f0, f1 = np.uint64(factor & 0xFFFFFFFF), np.uint64(factor >> 32)
    n0, n1 = numbers & _LOW, numbers >> _HALF
    middle = n1 * f0 + (n0 * f0 >> _HALF)
    other = n0 * f1 + (middle & _LOW)
    upper = n1 * f1 + (middle >> _HALF) + (other >> _HALF)
    return upper, numbers * np.uint64(factor)
