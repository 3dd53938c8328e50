// What many of torchvision's convolutional networks are made of.

import AviaryLayers

/// torchvision's `Conv2dNormActivation`: a convolution without bias, padded so that a stride of 1 keeps the image's size,
/// batch normalisation, and perhaps an activation: [N, I, H, W] → [N, O, H / stride, W / stride].
func convolutionBlock(
  _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, dilation: Int = 1, groups: Int = 1,
  padding: Padding? = nil, norm: NormSettings = NormSettings(), activation: Activation?
) -> Sequential {
  let layers: [any UnaryLayer] = [
    Conv2d(
      inputs, outputs, kernel: kernel, stride: stride,
      padding: padding ?? .fixed([(kernel - 1) / 2 * dilation, (kernel - 1) / 2 * dilation]), dilation: dilation,
      groups: groups, bias: false, initializer: .kaimingNormal(.out)),
    norm.layer(outputs),
  ]
  return Sequential(layers + (activation.map { [$0] } ?? []))
}

/// How a network's batch normalisations work, PyTorch's defaults unless told.
struct NormSettings {
  var epsilon: Float = 1e-5
  var momentum: Float = 0.1

  func layer(_ channels: Int) -> BatchNorm2d { BatchNorm2d(channels, epsilon: epsilon, momentum: momentum) }
}

/// A width as a multiple of 8: the nearest one, or the next where that would be less than nine tenths of what was wanted.
/// What is wanted may come from a stranger: it is not more than a width can be.
func roundedWidth(_ wanted: Double) -> Int {
  let wanted = min(max(wanted, 0), 1e12)
  let rounded = max(8, Int(wanted + 4) / 8 * 8)
  return Double(rounded) < 0.9 * wanted ? rounded + 8 : rounded
}

extension LayerConfiguration {
  /// Refuses a kernel that has no middle, or is larger than any in use.
  func requireOddKernel(_ name: String, _ kernel: Int) throws(ConfigurationFault) {
    guard (1...31).contains(kernel), kernel % 2 == 1 else {
      throw .outOfRange(name: name, value: "\(kernel)", allowed: "odd and at most 31")
    }
  }

  /// Refuses what batch normalisation cannot work with.
  func requireNorm(epsilon: Float, momentum: Float) throws(ConfigurationFault) {
    for (name, value) in [("normEpsilon", epsilon), ("normMomentum", momentum)] where !(0...1).contains(value) {
      throw .outOfRange(name: name, value: "\(value)", allowed: "in [0, 1]")
    }
  }
}
