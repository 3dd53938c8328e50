// SimpleConvNet: the first convolutional network of a well-known textbook.
//
// K. Saito, "Deep Learning from Scratch", 2016: one convolution, one pool, one hidden layer. Its weights begin normal with
// deviation 0.01 and its biases at 0, as there.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A convolution of 30 filters 5×5 (`filterSize`, `stride` and `padding` change it), relu, a pool, 100 hidden units, and a linear head: [N, 1, 28, 28] → [N, classes].
public struct SimpleConvNet: Classifier {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// The side of the images.
    public var inputSide: Int
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels: Int
    /// The number of filters of the convolution.
    public var filters: Int
    /// The side of a filter.
    public var filterSize: Int
    /// How far apart filters are applied.
    public var stride: Int
    /// How many zeros are put around an image.
    public var padding: Int
    /// How many hidden units there are.
    public var hidden: Int
    /// The number of classes, which is that of the head's outputs.
    public var classes: Int

    /// A configuration of these values.
    public init(
      inputSide: Int = 28, inputChannels: Int = 1, filters: Int = 30, filterSize: Int = 5, stride: Int = 1,
      padding: Int = 0, hidden: Int = 100, classes: Int = 10
    ) {
      self.inputSide = inputSide
      self.inputChannels = inputChannels
      self.filters = filters
      self.filterSize = filterSize
      self.stride = stride
      self.padding = padding
      self.hidden = hidden
      self.classes = classes
    }

    /// For MNIST: 433,890 parameters.
    public static let simpleConvNet = Configuration()
    /// Older files have filters of 5×5, a step of 1 and no zeros.
    public static var addedLater: Set<String> { ["filterSize", "stride", "padding"] }

    /// Narrow, for tests.
    public static let toy = Configuration(filters: 6, hidden: 12, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("inputSide", inputSide, in: 1...1024)
      try require("filters", filters, in: 1...4096)
      try require("filterSize", filterSize, in: 1...64)
      try require("stride", stride, in: 1...64)
      try require("padding", padding, in: 0...64)
      guard side >= 1 else {
        let usual = Self.simpleConvNet
        guard (filterSize, stride, padding) != (usual.filterSize, usual.stride, usual.padding) else {
          throw .outOfRange(
            name: "inputSide", value: "\(inputSide)",
            allowed: "large enough for filters of \(filterSize)×\(filterSize), so that the pool has at least 2×2")
        }
        throw .outOfRange(
          name: "filterSize", value: "\(filterSize)",
          allowed: "small enough for images of \(inputSide)×\(inputSide) pixels, so that the pool has at least 2×2")
      }
      try require("hidden", hidden, in: 1...65_536)
      try requireImages("simple-convnet", input: input, side: inputSide)
    }

    public mutating func fit(input: [Int]) {
      guard input.count == 3 else { return }
      inputChannels = input[0]
      inputSide = input[1]
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "conv1.weight", rank: 4) ?? inputChannels
      filterSize = shapes.extent(2, of: "conv1.weight", rank: 4) ?? filterSize
      classes = shapes.outputs(of: "fc2.weight") ?? classes
      filters = shapes.outputs(of: "conv1.weight", rank: 4) ?? filters
      hidden = shapes.outputs(of: "fc1.weight") ?? hidden
      guard let inputs = shapes.inputs(of: "fc1.weight"), inputs != maps || side < 1 else { return }
      guard let side = shapes.side(of: inputs, maps: filters), side < 1024, (1...64).contains(filterSize) else {
        return
      }
      // The pool drops the last row of an odd number of them. Stride and padding are taken for the usual ones.
      let (step, zeros) = ((1...64).contains(stride) ? stride : 1, (0...64).contains(padding) ? padding : 0)
      inputSide = (2 * side - 1) * step + filterSize - 2 * zeros
      shapes.assume("inputSide")
    }

    /// The side of the pooled maps: 12 at 28×28. Not positive where nothing is left.
    private var side: Int {
      let span = inputSide + 2 * padding - filterSize
      return span < 0 || stride < 1 ? 0 : (span / stride + 1) / 2
    }

    /// How many values the pooled maps have: 30 maps of 12×12 at 28×28.
    var maps: Int { filters * side * side }
  }

  public let configuration: Configuration
  private let conv1: Conv2d
  private let pool: MaxPool2d
  private let fc1: Linear
  private let fc2: Linear

  public var headPath: String { "fc2" }

  public init(_ configuration: Configuration) {
    let initializer = Initializer.normal(mean: 0, deviation: 0.01)
    func linear(_ inputs: Int, _ outputs: Int) -> Linear {
      Linear(inputs, outputs, initializer: initializer, biasInitializer: .zeros)
    }
    self.configuration = configuration
    conv1 =
      Conv2d(
        configuration.inputChannels, configuration.filters, kernel: configuration.filterSize,
        stride: configuration.stride, padding: configuration.padding, initializer: initializer, biasInitializer: .zeros)
    pool = MaxPool2d(2)
    fc1 = linear(configuration.maps, configuration.hidden)
    fc2 = linear(configuration.hidden, configuration.classes)
  }

  public func features(_ x: Tensor) -> Tensor { relu(fc1(pool(relu(conv1(x))).flattened())) }

  public func head(_ features: Tensor) -> Tensor { fc2(features) }
}

extension Architecture {
  static let simpleConvNets = [
    Architecture(
      "simple-convnet", "one convolution and one hidden layer (Saito, 2016)", SimpleConvNet.self, .simpleConvNet,
      input: [1, 28, 28])
  ]
}
