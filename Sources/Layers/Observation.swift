import AviaryTensors

/// Which outputs are being looked at in the current pass.
enum Observation {
  private struct Watch {
    var wanted: Set<String>
    var seen: [String: Tensor] = [:]
  }

  private static let current = PerBody<Watch?>(nil)

  /// Whether an `observing` scope surrounds the caller, or a profile or a trace needs the names of layers.
  static var isActive: Bool { isComputing && (current.onComputeThread != nil || isLabelling) }

  /// Notes an output, where it is asked for; within a recording pass its gradient is kept. For a profile or a trace, the
  /// work is done under the layer's name.
  static func observe(_ output: () -> Tensor, of path: () -> String?) -> Tensor {
    guard let path = path() else { return output() }
    return noted(isLabelling ? profiled(path, output) : output(), of: path)
  }

  /// The same for a layer that is handed its input.
  static func observe(
    _ x: consuming Tensor, _ output: (consuming Tensor) -> Tensor, of path: () -> String?
  ) -> Tensor {
    guard let path = path() else { return output(x) }
    return noted(isLabelling ? profiled(path, x, output) : output(x), of: path)
  }

  private static func noted(_ y: Tensor, of path: String) -> Tensor {
    guard current.onComputeThread?.wanted.contains(path) == true else { return y }
    let seen = watched(y)
    current.onComputeThread?.seen[path] = seen
    return seen
  }

  static func scope<Result, Failure>(
    _ paths: [String], _ body: () throws(Failure) -> Result
  ) throws(Failure) -> (result: Result, outputs: [String: Tensor]) {
    try Compute.run { () throws(Failure) -> (result: Result, outputs: [String: Tensor]) in
      let outer = current.onComputeThread
      current.onComputeThread = Watch(wanted: Set(paths))
      defer { current.onComputeThread = outer }
      let result = try body()
      return (result, current.onComputeThread?.seen ?? [:])
    }
  }
}

/// Runs `body` and returns, beside its result, the outputs of the layers at the paths given: of the last call of each.
///
/// Inside of `valueWithGradients` the gradients with respect to these outputs are kept: `gradients[outputs["layer4"]!]`,
/// as Grad-CAM needs them. The model must have been initialised or loaded, so that its layers know their paths.
public func observing<Result, Failure>(
  _ paths: String..., body: () throws(Failure) -> Result
) throws(Failure) -> (result: Result, outputs: [String: Tensor]) {
  try Observation.scope(paths, body)
}
