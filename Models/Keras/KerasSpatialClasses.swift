// Keras's layers with windows over positions: convolutions, pools, and what changes the number of positions.

import AviaryCheckpoints
import AviaryLayers

extension KerasChainBuilder {
  /// Adds a layer with as many axes of positions as its class says; false where the class is none of these.
  mutating func spatial(_ layer: KerasLayerDescription) throws(KerasModelFault) -> Bool {
    guard let (kind, axes) = Self.dimensions(layer.kind) else { return false }
    guard Self.kinds.contains(kind) else { return false }
    try turn(to: dataFormat(layer), for: layer)
    guard shape.positions.count == axes else {
      throw unsupported(layer, "an input of shape \(shape) does not have \(axes) axes of positions")
    }
    let bias = layer.flag("use_bias", "bias", default: true)
    switch kind {
    case "Conv":
      let groups = layer.setting("groups")?.integer ?? 1
      try add(
        layer,
        .convolution(
          filters: try count(layer, "filters", "nb_filter"), window: try window(layer, axes), groups: groups, bias: bias
        ),
        try activation(layer))
    case "ConvTranspose":
      var extra: [Int]?
      if layer.setting("output_padding") != nil { extra = try numbers(layer, axes, default: 0, "output_padding") }
      try add(
        layer,
        .transposedConvolution(
          filters: try count(layer, "filters"), window: try window(layer, axes), outputPadding: extra, bias: bias),
        try activation(layer))
    case "DepthwiseConv":
      try add(
        layer,
        .depthwiseConvolution(
          multiplier: layer.setting("depth_multiplier")?.integer ?? 1, window: try window(layer, axes), bias: bias),
        try activation(layer))
    case "SeparableConv":
      try add(
        layer,
        .separableConvolution(
          filters: try count(layer, "filters", "nb_filter"),
          multiplier: layer.setting("depth_multiplier")?.integer ?? 1, window: try window(layer, axes), bias: bias),
        try activation(layer))
    case "MaxPooling", "AveragePooling":
      try add(layer, .pool(kind: kind == "MaxPooling" ? .max : .average, window: try pool(layer, axes)))
    case "GlobalMaxPooling", "GlobalAveragePooling":
      if kind == "GlobalAveragePooling", let embedding = masksSteps {
        throw unsupported(layer, "'\(embedding)' has mask_zero=True, and skipping of steps is not supported")
      }
      try add(
        layer,
        .globalPool(
          kind: kind == "GlobalMaxPooling" ? .max : .average, keepsPositions: layer.flag("keepdims", default: false)))
    case "ZeroPadding": try add(layer, .zeroPadding(amounts: try amounts(layer, axes, "padding")))
    case "Cropping": try add(layer, .cropping(amounts: try amounts(layer, axes, "cropping")))
    default:
      if let interpolation = layer.setting("interpolation")?.text, interpolation != "nearest" {
        throw unsupported(layer, "interpolation '\(interpolation)' is not supported")
      }
      try add(layer, .upSampling(size: try numbers(layer, axes, default: 2, "size", "length")))
    }
    return true
  }

  private static let kinds: Set<String> = [
    "Conv", "ConvTranspose", "DepthwiseConv", "SeparableConv", "MaxPooling", "AveragePooling", "GlobalMaxPooling",
    "GlobalAveragePooling", "ZeroPadding", "Cropping", "UpSampling",
  ]

  /// A class without its number of axes: `Conv2DTranspose` is ConvTranspose over 2. Keras 1 wrote Convolution out.
  private static func dimensions(_ kind: String) -> (kind: String, axes: Int)? {
    var name = kind == "Deconvolution2D" ? "Conv2DTranspose" : kind
    name.replace("Convolution", with: "Conv")
    name.replace("AtrousConv", with: "Conv")
    for axes in 1...3 {
      if name.hasSuffix("\(axes)D") { return (String(name.dropLast(2)), axes) }
      if name.hasSuffix("\(axes)DTranspose") { return (String(name.dropLast(11)) + "Transpose", axes) }
    }
    return nil
  }

  private func dataFormat(_ layer: KerasLayerDescription) -> Order {
    switch layer.setting("data_format", "dim_ordering")?.text {
    case "channels_first", "th": .channelsFirst
    default: .channelsLast
    }
  }

  /// One number for each axis; a single one is for all.
  private func numbers(
    _ layer: KerasLayerDescription, _ axes: Int, default value: Int, _ names: String...
  ) throws(KerasModelFault) -> [Int] {
    guard let setting = layer.setting(names) else { return Array(repeating: value, count: axes) }
    if let one = setting.integer { return Array(repeating: one, count: axes) }
    let found = (setting.elements ?? []).compactMap(\.integer)
    guard found.count == axes else { throw unsupported(layer, "its \(names[0]) is not \(axes) numbers") }
    return found
  }

  private func padding(_ layer: KerasLayerDescription) throws(KerasModelFault) -> ChainWindow.Padding {
    let name = layer.setting("padding", "border_mode")?.text ?? "valid"
    guard let padding = ChainWindow.Padding(rawValue: name) else {
      throw unsupported(layer, "padding '\(name)' is not supported")
    }
    return padding
  }

  private func window(_ layer: KerasLayerDescription, _ axes: Int) throws(KerasModelFault) -> ChainWindow {
    let kernel: [Int]
    if let rows = layer.setting("nb_row")?.integer, let columns = layer.setting("nb_col")?.integer {
      kernel = [rows, columns]
    } else if layer.setting("kernel_size", "filter_length") != nil {
      kernel = try numbers(layer, axes, default: 1, "kernel_size", "filter_length")
    } else {
      throw unsupported(layer, "it has no kernel_size")
    }
    return ChainWindow(
      kernel: kernel, stride: try numbers(layer, axes, default: 1, "strides", "subsample", "subsample_length"),
      dilation: try numbers(layer, axes, default: 1, "dilation_rate", "atrous_rate"), padding: try padding(layer))
  }

  private func pool(_ layer: KerasLayerDescription, _ axes: Int) throws(KerasModelFault) -> ChainWindow {
    let kernel = try numbers(layer, axes, default: 2, "pool_size", "pool_length")
    let hasStride = layer.setting("strides", "stride") != nil
    return ChainWindow(
      kernel: kernel, stride: hasStride ? try numbers(layer, axes, default: 1, "strides", "stride") : kernel,
      dilation: kernel.map { _ in 1 }, padding: try padding(layer))
  }

  /// Amounts before and after along each axis: one number, one for each axis, or two for each.
  private func amounts(
    _ layer: KerasLayerDescription, _ axes: Int, _ name: String
  ) throws(KerasModelFault) -> [[Int]] {
    guard let setting = layer.setting(name) else { throw unsupported(layer, "it has no \(name)") }
    if let one = setting.integer { return Array(repeating: [one, one], count: axes) }
    let elements = setting.elements ?? []
    if axes == 1, elements.count == 2, let before = elements[0].integer, let after = elements[1].integer {
      return [[before, after]]
    }
    let found = elements.map { element in
      element.integer.map { [$0, $0] } ?? (element.elements ?? []).compactMap(\.integer)
    }
    guard found.count == axes, found.allSatisfy({ $0.count == 2 }) else {
      throw unsupported(layer, "its \(name) is not two numbers for each of \(axes) axes")
    }
    return found
  }
}
