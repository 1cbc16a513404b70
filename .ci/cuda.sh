#!/bin/sh
# Sets Theano up for an NVIDIA GPU, and says what is missing.
#
# Usage: make test                      (once: it makes .venv, with pygpu where it can)
#        sh .ci/cuda.sh [DIRECTORY]     (.venv if not given)
#        . .venv/cuda/activate          (then: python, with device=cuda0)
#
# Theano reaches CUDA through libgpuarray 0.7.6. That loads three libraries while a
# program runs, by names without a version: libcuda.so (of the driver), libnvrtc.so
# (which compiles kernels) and libcublas.so. A driver alone, and the libraries that
# pip or a newer CUDA brings, have versions in their names (libnvrtc.so.12): so links
# by the plain names are made in DIRECTORY/cuda. No nvcc is needed.
#
# What a newer CUDA needs beyond that:
# - libgpuarray asks nvrtc for the architecture of the device (compute_90 for an H100).
#   nvrtc must know it: CUDA 11.8 or newer for that one. The other way round, CUDA 12
#   dropped devices older than compute_50, and CUDA 13 those older than compute_75.
# - cuDNN is not used by this library, and Theano does not know version 8 and newer:
#   the flag dnn.enabled=False, which the file `activate` sets, keeps it from trying.
#
# Not tried on a CUDA device yet: the tests ran on an OpenCL device only.
set -eu
cd "$(dirname "$0")/.."

venv=$(cd "${1:-.venv}" && pwd)
links=$venv/cuda

say() { printf '== %s\n' "$*"; }
stop() { printf '\n%s\n' "$*" >&2; exit 1; }

candidates() {  # prints where a library may lie, the best place first
    ldconfig -p | awk -v name="$1.so" 'index($1, name) == 1 {print $NF}' | sort
    for folder in "${CUDA_HOME:-/usr/local/cuda}/lib64" /usr/local/cuda*/lib64 \
        "$venv"/lib/python3*/site-packages/nvidia/*/lib; do
        ls "$folder/$1.so"* 2>/dev/null || true
    done
}

link_library() {  # makes the link, or says what to install
    found=$(candidates "$1" | head -n 1)
    [ -n "$found" ] || stop "$1.so was not found. $2"
    ln -sfn "$found" "$links/$1.so"
    say "$1.so is $found"
}

"$venv/bin/python" -W ignore -c 'import pygpu' 2>/dev/null ||
    stop "$venv has no pygpu. Debian and Ubuntu have it for their own Python:" \
        "apt-get install python3-pygpu libgpuarray-dev; then make a new .venv with" \
        "that Python (make clean; make test). Elsewhere: conda install pygpu=0.7.6"

command -v nvidia-smi >/dev/null || stop "There is no nvidia-smi: install the driver."
nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader

mkdir -p "$links"
link_library libcuda "It comes with NVIDIA's driver."
link_library libnvrtc "Install CUDA, or: $venv/bin/pip install nvidia-cuda-nvrtc-cu12"
link_library libcublas "Install CUDA, or: $venv/bin/pip install nvidia-cublas-cu12"

# libnvrtc loads libnvrtc-builtins, and libcublas libcublasLt, from their own folders.
folders=$links
for name in libnvrtc libcublas; do
    folders=$folders:$(dirname "$(readlink -f "$links/$name.so")")
done

cat >"$links/activate" <<END
export PATH="$venv/bin:\$PATH"
export LD_LIBRARY_PATH="$folders\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
export THEANO_FLAGS="device=cuda0,floatX=float32,dnn.enabled=False"
END

say "Trying it"
# shellcheck disable=SC1091
. "$links/activate"
python -m lasagne_sparse || stop "Theano could not use the GPU: see above."
say "Now: . ${links#"$PWD"/}/activate; python -m pytest tests/gpu"
