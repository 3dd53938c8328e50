// Convolutions: plain, transposed, depthwise, separable.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

protocol KerasConvolutionClass: KerasUnaryClass {
  var window: KerasWindow { get }
  var bias: Bool { get }
  /// The number of outputs of each channel's own convolution.
  var multiplier: Int { get }
}

extension KerasConvolutionClass {
  static var hasActivation: Bool { true }
  var multiplier: Int { 1 }
  var parts: [KerasPart] { KerasFamily.convolution.parts(bias: bias) }
  var effect: KerasEffect { .mixes }
  var makesFeatureMaps: Bool? { true }

  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])] {
    [("", weights.arrays(of: parts, multiplier: multiplier))]
  }

  fileprivate func convolution(
    _ inputs: Int, _ outputs: Int, _ window: KerasWindow, groups: Int = 1, bias: Bool
  ) -> any UnaryLayer {
    func make<Axes: SpatialAxes>(_: Axes.Type) -> any UnaryLayer {
      Conv<Axes>(
        inputs, outputs, kernel: window.kernel, stride: window.stride, padding: window.padding(axes: Axes.count),
        dilation: window.dilation, groups: groups, bias: bias, initializer: .xavierUniform, biasInitializer: .zeros)
    }
    return make(spatialAxes(window.kernel.count))
  }
}

/// The type that stands for a number of axes of positions, one to three.
func spatialAxes(_ count: Int) -> any SpatialAxes.Type {
  let types: [any SpatialAxes.Type] = [OneAxis.self, TwoAxes.self, ThreeAxes.self]
  return types[count - 1]
}

struct KerasConvolution: KerasConvolutionClass {
  static let key = "convolution"
  static let classes = ["Conv#", "Convolution#", "AtrousConvolution#"]
  var filters: Int
  var window: KerasWindow
  var groups: Int
  var bias: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let axes = try graph.positions(of: source)
    return Self(
      filters: try source.count("filters", "nb_filter"), window: try source.window(axes),
      groups: try source.integer("groups") ?? 1, bias: try source.bias)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    let channels = try input.knownChannels()
    try require("filters", filters)
    try require("groups", groups)
    try require(
      channels % groups == 0 && filters % groups == 0,
      "\(channels) and \(filters) channels do not split into \(groups) groups")
    return KerasShape(channels: filters, positions: try window.positions(of: input))
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    convolution(input.channels ?? 1, filters, window, groups: groups, bias: bias)
  }

  func withOutputs(_ count: Int) -> Self? {
    groups == 1 ? Self(filters: count, window: window, groups: 1, bias: bias) : nil
  }
}

struct KerasTransposedConvolution: KerasConvolutionClass {
  static let key = "transposedConvolution"
  static let classes = ["Conv#Transpose", "Convolution#Transpose", "Deconvolution2D"]
  var filters: Int
  var window: KerasWindow
  /// Further positions at the end; nil for as many as Keras chooses.
  var outputPadding: [Int]?
  var bias: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let axes = try graph.positions(of: source)
    var extra: [Int]?
    if source.setting("output_padding") != nil { extra = try source.numbers(axes, default: 0, "output_padding") }
    return Self(
      filters: try source.count("filters"), window: try source.window(axes), outputPadding: extra, bias: try source.bias
    )
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    _ = try input.knownChannels()
    try require("filters", filters)
    let positions = try window.transposedPositions(of: input, outputPadding: outputPadding)
    return KerasShape(channels: filters, positions: positions)
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    func make<Axes: SpatialAxes>(_: Axes.Type) -> any UnaryLayer {
      ConvTranspose<Axes>(
        input.channels ?? 1, filters, kernel: window.kernel, stride: window.stride,
        padding: window.padding(axes: Axes.count), outputPadding: outputPadding ?? window.defaultOutputPadding,
        bias: bias, dilation: window.dilation, initializer: .xavierUniform, biasInitializer: .zeros)
    }
    return make(spatialAxes(window.kernel.count))
  }
}

struct KerasDepthwiseConvolution: KerasConvolutionClass {
  static let key = "depthwiseConvolution"
  static let classes = ["DepthwiseConv#"]
  var multiplier: Int
  var window: KerasWindow
  var bias: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let axes = try graph.positions(of: source)
    return Self(multiplier: try source.multiplier, window: try source.window(axes), bias: try source.bias)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require("depth_multiplier", multiplier, in: 1...4096)
    return KerasShape(channels: try input.knownChannels() * multiplier, positions: try window.positions(of: input))
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    let channels = input.channels ?? 1
    return convolution(channels, channels * multiplier, window, groups: channels, bias: bias)
  }

  var parts: [KerasPart] { KerasFamily.depthwise.parts(bias: bias) }
}

struct KerasSeparableConvolution: KerasConvolutionClass {
  static let key = "separableConvolution"
  static let classes = ["SeparableConv#", "SeparableConvolution#"]
  var filters: Int
  var multiplier: Int
  var window: KerasWindow
  var bias: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let axes = try graph.positions(of: source)
    return Self(
      filters: try source.count("filters", "nb_filter"), multiplier: try source.multiplier,
      window: try source.window(axes), bias: try source.bias)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    _ = try input.knownChannels()
    try require("filters", filters)
    try require("depth_multiplier", multiplier, in: 1...4096)
    return KerasShape(channels: filters, positions: try window.positions(of: input))
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    let channels = input.channels ?? 1
    let ones = window.kernel.map { _ in 1 }
    let point = KerasWindow(kernel: ones, stride: ones, dilation: ones, padding: .valid)
    return Separable(
      depthwise: convolution(channels, channels * multiplier, window, groups: channels, bias: false),
      pointwise: convolution(channels * multiplier, filters, point, bias: bias))
  }

  /// A convolution of each channel by itself, and one of single positions across channels.
  private struct Separable: UnaryLayer {
    let depthwise: any UnaryLayer
    let pointwise: any UnaryLayer

    func forward(_ x: Tensor) -> Tensor { pointwise(depthwise(x)) }
  }

  var parts: [KerasPart] { KerasFamily.separable.parts(bias: bias) }
}
