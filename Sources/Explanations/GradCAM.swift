import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// How much the places of a layer's output speak for an output of the model.
public struct ClassActivationMap: Sendable {
  /// [N, …]: one number for each place, [N, H, W] for images.
  public let values: Tensor
  /// The path of the layer.
  public let layer: String
}

extension Explainer {
  /// Grad-CAM (Selvaraju et al., 2017): the feature maps of a layer, each weighted by the mean of its gradient over all
  /// places, summed up. `resampled` brings the map to the size of the input.
  ///
  /// - Parameters:
  ///   - layer: the path of a layer; nil for `featureLayer(for:)`, at the cost of one more pass. Outputs are [N, C, …]; those
  ///     of a transformer, [N, T, C], become maps of its patches, without class tokens, and [N, H, W, C] is recognised by the
  ///     proportions of the image.
  ///   - rectified: whether what speaks against the output is set to zero, as in the paper.
  ///   - target: the outputs to explain.
  ///   - x: the inputs, [N, …].
  public func gradCAM(
    _ x: Tensor, _ target: Target = .highest, layer: String? = nil, rectified: Bool = true
  ) throws(ExplanationFault) -> ClassActivationMap {
    let chosen = try chosen(target, for: x)
    let layer = try known(layer, for: x)
    let values = try inParts(x, chosen) { part, chosen throws(ExplanationFault) in
      let seen = observed(part, chosen, layers: [layer])
      guard let (activation, gradient) = seen[layer] else { throw .notCalled(path: layer) }
      guard let layout = FeatureLayout(activation.shape, input: part.shape) else {
        throw .noMap(path: layer, shape: activation.shape)
      }
      return inference { Self.map(activation, gradient, layout, rectified: rectified) }
    }
    return ClassActivationMap(values: try finite(values), layer: layer)
  }

  private static func map(
    _ activation: Tensor, _ gradient: Tensor, _ layout: FeatureLayout, rectified: Bool
  ) -> Tensor {
    var (activation, gradient) = (activation, gradient)
    var (channels, places) = (1, Array(2..<activation.rank))
    switch layout {
    case .channelsFirst: break
    case .channelsLast: (channels, places) = (activation.rank - 1, Array(1..<activation.rank - 1))
    case .tokens(let before, _):
      activation = activation.slice(axis: 1, from: before, to: activation.shape[1])
      gradient = gradient.slice(axis: 1, from: before, to: gradient.shape[1])
      (channels, places) = (2, [1])
    }
    var map = (activation * gradient.mean(over: places, keepingAxes: true)).sum(over: [channels])
    if case .tokens(_, let grid) = layout { map = map.reshaped(to: [map.shape[0]] + grid) }
    return rectified ? relu(map) : map
  }

  /// The outputs of layers and the gradients with respect to them; the layers that were called, without those on which the
  /// chosen outputs do not depend.
  private func observed(
    _ x: Tensor, _ chosen: [Int], layers: [String]
  ) -> [String: (activation: Tensor, gradient: Tensor)] {
    func open(_ model: some Layer) -> [String: (activation: Tensor, gradient: Tensor)] {
      let (_, gradients, seen) = valueWithGradients(of: [Parameter](), mode: .inference) {
        let (y, seen) = observing(layers, of: model) { outputs(x) }
        return (selected(y, chosen).sum(), seen)
      }
      return seen.mapValues { ($0.detached(), gradients[$0] ?? Tensor(zerosLike: $0)) }
    }
    return open(model)
  }

  /// The layer to look at, which the model has.
  private func known(_ path: String?, for x: Tensor) throws(ExplanationFault) -> String {
    guard let path else { return try featureLayer(for: x) }
    let paths = model.namedLayers.map(\.path)
    if !paths.contains(path) { throw .noLayer(path: path, near: nearestName(to: path, among: paths)) }
    return path
  }

  // MARK: The layer

  /// The path of the layer that Grad-CAM looks at by default: the last that is called before the head and gives maps of more
  /// than one place. For a transformer, whose head reads one token only, it is the last of whose other tokens the output
  /// still depends: what the last block's attention is given.
  public func featureLayer(for x: Tensor) throws(ExplanationFault) -> String {
    let x = x.slice(axis: 0, from: 0, to: 1)
    let calls = inference { model.layerCalls { _ = outputs(x) } }
    let maps = calls.compactMap { call -> (path: String, shape: [Int], layout: FeatureLayout)? in
      guard !call.path.isEmpty, !isInHead(call.path), let layout = FeatureLayout(call.outputShape, input: x.shape),
        layout.positions(call.outputShape) > 1
      else { return nil }
      return (call.path, call.outputShape, layout)
    }
    guard let last = maps.last else { throw .noFeatureMap }
    guard case .tokens(let before, _) = last.layout else { return last.path }
    // The last few blocks' are enough.
    let candidates = maps.filter { $0.shape == last.shape }.suffix(40).map(\.path)
    let seen = observed(x, try chosen(.highest, for: x), layers: candidates)
    let depends = candidates.last { path in
      seen[path].map { $0.gradient.slice(axis: 1, from: before, to: last.shape[1]).scalars.contains { $0 != 0 } }
        ?? false
    }
    return depends ?? last.path
  }

  private func isInHead(_ path: String) -> Bool {
    guard let network = model as? any Network else { return false }
    return network.isInHead(path) || ([network.headPath] + network.auxiliaryHeadPaths).contains(path)
  }
}
