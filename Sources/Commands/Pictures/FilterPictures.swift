import Aviary
import AviaryArchives
import AviaryPictures

/// Numbers as bytes of grey, from black to white.
struct GreyScale {
  let low: Float
  let high: Float

  /// - Parameter centered: whether zero is in the middle.
  init(_ values: some Sequence<Float>, centered: Bool = false) {
    var (low, high): (Float, Float) = (.infinity, -.infinity)
    for value in values where value.isFinite {
      low = min(low, value)
      high = max(high, value)
    }
    if low > high { (low, high) = (0, 0) }
    let bound = max(abs(low), abs(high))
    (self.low, self.high) = centered ? (-bound, bound) : (low, high)
  }

  /// Numbers that are not finite, and all where none differ, are in the middle.
  func byte(_ value: Float) -> UInt8 {
    let share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return share.isFinite ? UInt8((min(max(share, 0), 1) * 255).rounded()) : 128
  }

  var text: String { "\(ChartNumber.text(Double(low), digits: 3)) to \(ChartNumber.text(Double(high), digits: 3))" }
}

extension NetworkPictures {
  /// The filters of a layer: in colour where they have three inputs and these are colours, else grey, one picture for each
  /// input.
  func filters(_ path: String, _ brightness: Brightness) throws -> Result {
    let (values, shape) = try weights(path)
    let (outputs, inputs, height, width) = (shape[0], shape[1], shape[2], shape[3])
    let plane = height * width
    // Only what the image itself goes into has colours.
    let isColored = inputs == 3 && preprocessingChannels == 3 && path.isExactly(firstFilterPath ?? "")
    let shown = min(outputs, count ?? (inputs == 1 || isColored ? 128 : 16))
    let shownInputs = isColored ? 1 : min(inputs, 16)
    let whole = GreyScale(values, centered: brightness == .zero)
    var items: [ContactSheet.Item] = []
    for output in 0..<shown {
      let filter = Array(values[output * inputs * plane..<(output + 1) * inputs * plane])
      for input in 0..<shownInputs {
        let own = isColored ? filter : Array(filter[input * plane..<(input + 1) * plane])
        let scale = brightness == .each ? GreyScale(own) : whole
        let pixels: Pixels
        if isColored {
          let order = loaded.preprocessing.channels == .bgr ? [2, 1, 0] : [0, 1, 2]
          let bytes = (0..<plane).flatMap { place in order.map { scale.byte(own[$0 * plane + place]) } }
          pixels = Pixels(width: width, height: height, channels: 3, bytes: bytes)
        } else {
          pixels = Pixels(width: width, height: height, channels: 1, bytes: own.map { scale.byte($0) })
        }
        items.append(.init(pixels, titles: [shownInputs > 1 ? "\(output) · \(input)" : "\(output)"], color: .faint))
      }
    }
    let size = "\(height)×\(width)"
    var sheet = ContactSheet(
      title: "\(name): filters of \(path)", sections: [.init("", items: items)],
      columns: shownInputs > 1 ? shownInputs : (shown > 64 ? 16 : 8), cell: max(48, min(96, Double(width * 8))))
    sheet.isSmooth = false
    let range = brightness == .each ? "each from its least weight to its greatest" : "from \(whole.text)"
    sheet.subtitle =
      "\(grouped(outputs)) filters of \(size) with \(counted(inputs, "input"))"
      + (shown < outputs || shownInputs < inputs && !isColored ? ", the first shown" : "") + "; \(range)"
    return (sheet.drawing(), "\(counted(shown, "filter")) of \(grouped(outputs)), \(size)")
  }

  private var preprocessingChannels: Int { loaded.preprocessing.channels.count }

  /// The first layer with weights that are filters of the image.
  var firstFilterPath: String? {
    model.namedParameters().first { $0.path.hasSuffix("weight") && [2, 4].contains($0.parameter.shape.count) }
      .map { String($0.path.dropLast(".weight".count)) }
  }

  /// The weights of a layer, as [outputs, inputs, height, width].
  private func weights(_ path: String) throws -> ([Float], [Int]) {
    _ = try layer(path)
    guard let parameter = model.namedParameters().first(where: { $0.path.isExactly(path + ".weight") })?.parameter
    else {
      throw CommandFault.noFilters(path: loaded.path, layer: path, first: firstFilterPath)
    }
    let shape = parameter.shape
    if shape.count == 4 { return (parameter.tensor.scalars, shape) }
    // A linear layer on the pixels themselves.
    if shape.count == 2, let size = loaded.preprocessing.outputSize,
      shape[1] == preprocessingChannels * size.height * size.width
    {
      return (parameter.tensor.scalars, [shape[0], preprocessingChannels, size.height, size.width])
    }
    throw CommandFault.noFilters(path: loaded.path, layer: path, first: firstFilterPath)
  }

  // MARK: Feature maps

  /// What layers make of a photograph, and the same as numbers.
  func maps(
    _ photo: String, layers: String?, _ brightness: Brightness
  ) throws -> (result: Result, arrays: FeatureArrays) {
    let (image, input) = try photograph(photo)
    let paths =
      layers.map { $0.split(separator: ",").map { trimmed($0) } } ?? firstFilterPath.map { [$0] } ?? []
    for path in paths { _ = try layer(path) }
    let outputs = try outputs(of: paths, for: input)
    var sections = [
      ContactSheet.Section(
        "What the network sees", items: [.init(image.drawable, titles: ["\(image.width)×\(image.height)"])])
    ]
    for (path, output) in zip(paths, outputs) {
      guard let grid = FeatureGrid(output) else {
        throw CommandFault.noMaps(path: loaded.path, layer: path, shape: output.shape)
      }
      let shown = min(grid.channels, count ?? 32)
      let whole = GreyScale(grid.values, centered: brightness == .zero)
      let items = (0..<shown).map { channel in
        let own = grid.map(channel)
        let scale = brightness == .each ? GreyScale(own) : whole
        let pixels = Pixels(
          width: grid.width, height: grid.height, values: own,
          colors: .viridis(Double(scale.low)...Double(scale.high)))
        return ContactSheet.Item(pixels, titles: ["\(channel)"], color: .faint)
      }
      let layer = try layer(path)
      sections.append(
        .init(
          "\(path)  ·  \(typeName(of: layer))  ·  \(grouped(grid.channels)) maps of \(grid.height)×\(grid.width)"
            + (shown < grid.channels ? ", the first \(shown)" : ""), items: items))
    }
    var sheet = ContactSheet(title: "\(name): feature maps", sections: sections, columns: 8, cell: 112)
    // A checkpoint without a head has layers to look at, and no answers.
    let predicted = loaded.predictor.metadata.headAbsent ? nil : try loaded.predictor.predict(image, path: photo).first
    sheet.subtitle =
      "\(printable(photo.split(separator: "/").last.map(String.init) ?? photo))"
      + (predicted.map { ": \(printable($0.name)), \(percent(Double($0.probability)))" } ?? "")
      + "; dark violet is the least value, yellow the greatest"
    let arrays = FeatureArrays(named: [("input", input)] + zip(paths, outputs).map { ($0, $1) })
    return ((sheet.drawing(), "\(counted(paths.count, "layer")) of \(printable(photo))"), arrays)
  }
}

/// What a network is given and what its layers put out, by their paths.
struct FeatureArrays {
  let named: [(path: String, values: Tensor)]

  /// Writes an .npz file, but not over one of other arrays.
  func write(to file: String, force: Bool) throws {
    var overwrite = OverwriteOptions()
    overwrite.force = force
    try overwrite.check(file, for: .arrays(named.map(\.path)))
    var arrays = Checkpoint()
    for (path, values) in named { arrays.set(StoredArray(values.scalars, shape: values.shape), at: path) }
    try arrays.write(to: file)
  }
}

/// The output of a layer for one image as pictures: [1, C, H, W], or [1, T, C] of a transformer's square of tokens.
struct FeatureGrid {
  let channels: Int
  let height: Int
  let width: Int
  /// [C, H, W]
  let values: [Float]

  init?(_ output: Tensor) {
    let shape = output.shape
    if shape.count == 4, shape[0] == 1 {
      (channels, height, width, values) = (shape[1], shape[2], shape[3], output.scalars)
      return
    }
    guard shape.count == 3, shape[0] == 1 else { return nil }
    // The class token, if there is one, comes first.
    let square = [shape[1], shape[1] - 1].first {
      let side = Int(Double($0).squareRoot())
      return side > 1 && side * side == $0
    }
    guard let square else { return nil }
    let side = Int(Double(square).squareRoot())
    let tokens = output.slice(axis: 1, from: shape[1] - square, to: shape[1])
    (channels, height, width) = (shape[2], side, side)
    values = tokens.transposed([0, 2, 1]).scalars
  }

  func map(_ channel: Int) -> [Float] { Array(values[channel * height * width..<(channel + 1) * height * width]) }
}
