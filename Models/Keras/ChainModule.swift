// A layer of a Keras chain at work.

import AviaryLayers
import AviaryTensors

/// A layer with an activation: [N, C, …] → [N, C', …]. Its cells have the paths that they have in the layer.
struct ChainModule: UnaryLayer, CustomReflectable {
  private let layer: any UnaryLayer
  /// Nil where there is none.
  private let activation: (any UnaryLayer)?
  /// Of a layer that is nothing but functions.
  private let site = Site()

  /// - Parameter input: what comes in; the layer was checked to take it.
  init(_ layer: ChainLayer, input: ChainShape) {
    self.layer = layer.operation.layer(on: input)
    activation = layer.activation == .linear ? nil : layer.activation.layer
  }

  var customMirror: Mirror {
    let children = layer is Activation ? [("site", site)] : Array(Mirror(reflecting: layer).children)
    return Mirror(self, children: children, displayStyle: .struct)
  }

  func forward(_ x: Tensor) -> Tensor {
    let y = withoutActivation(x)
    return activation.map { $0.forward(y) } ?? y
  }

  func withoutActivation(_ x: Tensor) -> Tensor { layer.forward(x) }
}
