import AviaryDiagnostics
import AviaryTensors

/// A call of a layer in a pass that was looked at.
package struct LayerCall {
  /// In the model that was looked at.
  package let path: String
  package let layer: any Layer
  package let outputShape: [Int]
  /// nil unless outputs are kept.
  package let output: Tensor?
}

/// Which outputs are being looked at in the current pass, or in which order layers are called.
///
/// Scopes of one model that lie within each other all see its layers: what an inner one puts in the place of an output, the
/// outer ones are told of. A scope of another model hides those around it.
enum Observation {
  private struct Watch {
    /// The paths, in the model that is looked at, of its cells.
    let paths: [ObjectIdentifier: String]
    /// Whether the scope around this one looks at the same model.
    var isWithinSameModel = false
    let wanted: Set<String>
    var seen: [String: Tensor] = [:]
    /// The layers that were called, in that order; nil where nobody asks.
    var calls: [LayerCall]?
    /// Whether calls keep their outputs.
    var keepsOutputs = false
    /// What takes the place of the output of a layer; nil where all stay.
    var replacement: (path: String, of: (Tensor) -> Tensor)?
    /// Of whose outputs blocks are dropped; nil where of none.
    var blocks: DroppedBlocks?
  }

  /// The scopes around the caller, the innermost last.
  private static let current = PerBody<[Watch]>([])

  /// Whether a scope surrounds the caller, or a profile or a trace needs the names of layers.
  static var isActive: Bool { isComputing && (!current.onComputeThread.isEmpty || isLabelling) }

  /// The path of a layer in the model that is looked at, or in the one that filled its cells; nil where it has no cells.
  static func path(of layer: any Layer) -> String? {
    let paths = current.onComputeThread.last?.paths
    return Walk.path(of: layer) { cell in
      guard let paths else { return cell.path.isEmpty ? nil : cell.path }
      return paths[cell.identity]
    }
  }

  /// The output of a layer, noted where it is observed; within a recording pass its gradient is kept. For a profile or a
  /// trace, the work is done under the layer's name.
  static func observe(_ layer: some UnaryLayer, _ x: consuming Tensor, at path: String? = nil) -> Tensor {
    guard let path = path ?? Self.path(of: layer) else { return layer.forward(x) }
    let y = isLabelling ? profiled(path, x, layer.forward) : layer.forward(x)
    return noted(y, of: layer, at: path)
  }

  /// The same for a layer whose signature is its own.
  static func observe(_ layer: some Layer, _ output: () -> Tensor) -> Tensor {
    guard let path = path(of: layer) else { return output() }
    return noted(isLabelling ? profiled(path, output) : output(), of: layer, at: path)
  }

  private static func noted(_ y: Tensor, of layer: any Layer, at path: String) -> Tensor {
    var y = y
    let watches = current.onComputeThread
    for place in watches.indices.reversed() {
      y = noted(y, of: layer, at: path, by: place)
      if !watches[place].isWithinSameModel { break }
    }
    return y
  }

  /// - Parameter place: of the scope.
  private static func noted(_ y: Tensor, of layer: any Layer, at path: String, by place: Int) -> Tensor {
    let watch = current.onComputeThread[place]
    if let replacement = watch.replacement, replacement.path == path { return replacement.of(y) }
    if watch.calls != nil {
      let call = LayerCall(path: path, layer: layer, outputShape: y.shape, output: watch.keepsOutputs ? y : nil)
      current.onComputeThread[place].calls?.append(call)
    }
    if let blocks = watch.blocks, y.rank == 4, blocks.layers.contains(path) {
      return dropBlock(y, block: blocks.block, rate: blocks.rate, path: path)
    }
    guard watch.wanted.contains(path) else { return y }
    let seen = watched(y)
    current.onComputeThread[place].seen[path] = seen
    return seen
  }

  /// Runs `body` in a scope, and returns what the scope has seen.
  private static func within<Result, Failure>(
    _ watch: Watch, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> (result: Result, watch: Watch) {
    try Compute.run { () throws(Failure) -> (result: Result, watch: Watch) in
      let outer = current.onComputeThread
      var watch = watch
      watch.isWithinSameModel = outer.last.map { $0.paths == watch.paths } ?? false
      current.onComputeThread = outer + [watch]
      defer { current.onComputeThread.removeLast() }
      let result = try body()
      return (result, current.onComputeThread[outer.count])
    }
  }

  private static func scope<Result, Failure>(
    _ model: some Layer, wanting paths: [String] = [], calls: Bool = false, keepsOutputs: Bool = false,
    replacement: (path: String, of: (Tensor) -> Tensor)? = nil, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> (result: Result, watch: ([String: Tensor], [LayerCall])) {
    let cells = model.inventory.cells
    let known = Dictionary(cells.map { ($0.cell.identity, $0.path) }, uniquingKeysWith: { first, _ in first })
    let (result, watch) = try within(
      Watch(
        paths: known, wanted: Set(paths), calls: calls ? [] : nil, keepsOutputs: keepsOutputs, replacement: replacement),
      body)
    return (result, (watch.seen, watch.calls ?? []))
  }

  static func outputs<Result, Failure>(
    _ paths: [String], of model: some Layer, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> (result: Result, outputs: [String: Tensor]) {
    let layers = model.namedLayers.map(\.path)
    for path in paths {
      ensure(
        layers.contains(path),
        "observing: unknown layer '\(path)'; the model has \(layers.filter { !$0.isEmpty }.joined(separator: ", "))"
      )
    }
    let (result, watch) = try scope(model, wanting: paths, calls: false, body)
    return (result, watch.0)
  }

  /// - Parameter paths: of the model's cells.
  static func dropping<Result, Failure>(
    _ blocks: DroppedBlocks, _ paths: [ObjectIdentifier: String], _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try within(Watch(paths: paths, wanted: [], blocks: blocks), body).result
  }

  static func calls<Failure>(
    of model: some Layer, keepsOutputs: Bool = false, _ body: () throws(Failure) -> Void
  ) throws(Failure) -> [LayerCall] {
    try scope(model, calls: true, keepsOutputs: keepsOutputs, body).watch.1
  }

  static func replacing<Result, Failure>(
    _ path: String, of model: some Layer, by output: @escaping (Tensor) -> Tensor,
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try scope(model, replacement: (path, output), body).result
  }
}

/// Runs `body` and returns, beside its result, the outputs of the layers at the paths given: of the last call of each.
///
/// Inside of `valueWithGradients` the gradients with respect to these outputs are kept: `gradients[outputs["layer4"]!]`,
/// as Grad-CAM needs them.
///
/// - Precondition: the model has a layer at every path: see `Layer.namedLayers`. A layer that `body` does not call has no
///   output.
public func observing<Result, Failure>(
  _ paths: [String], of model: some Layer, body: () throws(Failure) -> Result
) throws(Failure) -> (result: Result, outputs: [String: Tensor]) {
  try Observation.outputs(paths, of: model, body)
}

extension Layer {
  /// The layers that `body` calls, in the order in which their calls end, with their paths in this model. A layer that is
  /// called twice is listed twice; one that holds no cell, and lies in no `Sequential`, is not seen.
  public func executionOrder<Failure>(
    _ body: () throws(Failure) -> Void
  ) throws(Failure) -> [(path: String, layer: any Layer)] {
    try layerCalls(body).map { ($0.path, $0.layer) }
  }

  /// The same with the shapes of their outputs.
  ///
  /// - Parameter keepingOutputs: whether the outputs themselves are wanted, too.
  package func layerCalls<Failure>(
    keepingOutputs: Bool = false, _ body: () throws(Failure) -> Void
  ) throws(Failure) -> [LayerCall] {
    try Observation.calls(of: self, keepsOutputs: keepingOutputs, body)
  }

  /// Runs `body` with another output of the layer at a path in place of its own.
  package func replacingOutput<Result, Failure>(
    of path: String, by output: @escaping (Tensor) -> Tensor, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try Observation.replacing(path, of: self, by: output, body)
  }
}
