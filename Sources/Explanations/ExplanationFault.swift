/// Why there is no explanation.
public enum ExplanationFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// The model has no output of that number.
  case noOutput(Int, count: Int)
  /// The model does not give one row of outputs for each input.
  case outputs(shape: [Int], inputs: Int)
  /// The model has no layer at that path.
  case noLayer(path: String, near: String?)
  /// The layer is not called when the model works, or cannot be observed.
  case notCalled(path: String)
  /// The output of the layer has no positions that correspond to places of the input.
  case noMap(path: String, shape: [Int])
  /// No layer gives feature maps.
  case noFeatureMap
  /// The model calls no relu, whose backward pass would be changed.
  case noRelu
  /// A window or a stride does not fit the input.
  case window([Int], stride: [Int], input: [Int])
  /// A number is out of its range.
  case outOfRange(name: String, value: String, allowed: String)
  /// Outputs or gradients are not numbers.
  case notFinite

  public var description: String {
    switch self {
    case .noOutput(let output, let count):
      "output \(output) does not exist; the model has \(count) outputs, numbered from 0"
    case .outputs(let shape, let inputs):
      "the model's outputs have the shape \(shape); one row for each of \(inputs) inputs can be explained"
    case .noLayer(let path, let near):
      "the model has no layer '\(path)'" + (near.map { "; did you mean '\($0)'?" } ?? "")
    case .notCalled(let path): "the layer '\(path)' is not called when the model works; choose one that is"
    case .noMap(let path, let shape):
      "the output of the layer '\(path)', \(shape), is not a feature map; choose a layer whose output has spatial positions"
    case .noFeatureMap: "no layer of the model gives feature maps, which Grad-CAM needs; use saliency or ig"
    case .noRelu: "the model calls no relu, whose backward pass guided backpropagation changes; use saliency"
    case .window(let window, let stride, let input):
      "a window \(window) with the stride \(stride) does not slide over an input \(input); the window is at most the input's size, the stride at most the window's"
    case .outOfRange(let name, let value, let allowed): "\(name) is \(value); it has to be \(allowed)"
    case .notFinite: "outputs or gradients of the model are not finite"
    }
  }
}
