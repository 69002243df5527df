# SPDX-License-Identifier: Apache-2.0
"""Drives a containerd shim the way containerd does, without containerd."""
