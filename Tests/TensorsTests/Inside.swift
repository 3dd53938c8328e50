import AviaryKernels
@testable import AviaryTensors

/// Whether the elements lie in row-major order, computed if they have not been.
func isRowMajor(_ x: Tensor) -> Bool {
  Compute.run { x.buffer.layout.isPlain }
}

/// Whether the elements have not been computed.
func isDeferred(_ x: Tensor) -> Bool {
  Compute.run { x.deferred != nil }
}
