"""Lets pip build Theano 1.0.5 on Python 3.12 and later

Theano's setup.py reads setup.cfg by names of configparser that Python 3.12 dropped.
With this folder on the PYTHONPATH they are there, for that one build::

    PYTHONPATH=$PWD/.ci/old_setup pip install --no-build-isolation Theano==1.0.5
"""

import configparser

if not hasattr(configparser, "SafeConfigParser"):
    configparser.SafeConfigParser = configparser.ConfigParser
    configparser.RawConfigParser.readfp = configparser.RawConfigParser.read_file
