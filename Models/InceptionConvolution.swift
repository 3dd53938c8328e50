// What GoogLeNet and Inception v3 are made of, with torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A convolution without bias, batch normalisation and relu: [N, I, H, W] → [N, O, H', W'].
struct InceptionConvolution: UnaryLayer {
  private let conv: Conv2d
  private let bn: BatchNorm2d

  /// - Parameter deviation: that of the weights at first.
  init(
    _ inputs: Int, _ outputs: Int, kernel: [Int], stride: Int = 1, padding: [Int] = [0, 0], deviation: Float
  ) {
    conv = Conv2d(
      inputs, outputs, kernel: kernel, stride: stride, padding: padding, bias: false,
      initializer: .normal(mean: 0, deviation: deviation))
    bn = BatchNorm2d(outputs, epsilon: 1e-3)
  }

  func forward(_ x: Tensor) -> Tensor { relu(bn(conv(x))) }
}

/// Turns colours that ImageNet's means and deviations have normalised into those that networks from TensorFlow take, from −1
/// to 1, as torchvision's `transform_input` does: [N, 3, H, W] → [N, 3, H, W].
struct InceptionInput: UnaryLayer {
  private let scale = Constant(Tensor([0.229 / 0.5, 0.224 / 0.5, 0.225 / 0.5], shape: [3, 1, 1]))
  private let offset = Constant(
    Tensor([(0.485 - 0.5) / 0.5, (0.456 - 0.5) / 0.5, (0.406 - 0.5) / 0.5], shape: [3, 1, 1]))

  func forward(_ x: Tensor) -> Tensor { x * scale.tensor + offset.tensor }
}

/// The configuration of a network that may have auxiliary heads, and weights from TensorFlow.
protocol InceptionConfiguration: ImageConfiguration {
  var transformInput: Bool { get }
}

extension InceptionConfiguration {
  func requireColors() throws(ConfigurationFault) {
    if transformInput, inputChannels != 3 {
      throw .outOfRange(name: "inputChannels", value: "\(inputChannels)", allowed: "3 with transformInput")
    }
  }
}
