"""Installs lasagne_sparse: ``pip install .``"""

import os
import re

from setuptools import find_packages, setup

HERE = os.path.dirname(os.path.abspath(__file__))


def read(*path):
    """Returns the text of a file of the project"""
    with open(os.path.join(HERE, *path), encoding="utf-8") as file:
        return file.read()


def version():
    """Reads the version without importing the package, which needs Theano"""
    text = read("lasagne_sparse", "version.py")
    return re.search(r"^__version__ = ['\"](.+)['\"]$", text, re.MULTILINE).group(1)


setup(
    name="lasagne_sparse",
    version=version(),
    description="Sparse updates for the lookup tables of Lasagne networks",
    long_description=read("README.rst"),
    long_description_content_type="text/x-rst",
    license="MIT",
    license_files=["LICENSE"],
    packages=find_packages(include=["lasagne_sparse", "lasagne_sparse.*"]),
    package_data={
        "lasagne_sparse.compat": ["*.h"],
        "lasagne_sparse.ops": ["*.h", "*/*.h"],
    },
    # Theano compiles the C where it lies.
    zip_safe=False,
    python_requires=">=3.8,<3.14",
    install_requires=[
        "Theano==1.0.5",
        "Lasagne>=0.1",
        # 1.21 is the first tried; what 3 will change nobody knows.
        "numpy>=1.21,<3",
        "scipy>=1.7",
        "six",
        # Lasagne 0.1 imports pkg_resources, which later ones do without.
        "setuptools<81",
    ],
    extras_require={
        "examples": ["tqdm", "matplotlib"],
        # Reading and writing files in the format of that name.
        "safetensors": ["safetensors>=0.4"],
        "test": [
            "safetensors>=0.4",
            "pytest>=7",
            "pytest-xdist",
            "hypothesis",
            "wheel",
            # The example's word vectors must load there.
            "gensim>=4.3",
            "tqdm",
            "matplotlib",
            # The notebooks must run, from top to bottom.
            "nbclient",
            "ipykernel",
            "scikit-learn",
        ],
        "lint": ["ruff"],
        "notebooks": [
            "notebook",
            "tqdm",
            "matplotlib",
            "scikit-learn",
            "gensim>=4.3",
        ],
        # pygpu itself is not on PyPI: see README.rst, "On a GPU".
        "gpu": ["Mako>=0.7"],
        "docs": ["sphinx", "numpydoc"],
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.8",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
