import Aviary
import AviaryArchives
import AviaryDiagnostics
import AviaryPictures

/// Pictures of a network.
struct NetworkPictures {
  let loaded: LoadedModel
  /// The most filters, maps, channels or images that are shown; nil for the picture's own choice.
  let count: Int?
  let seed: UInt64

  var model: any Classifier { loaded.model }
  private var preprocessing: Preprocessing { loaded.preprocessing }

  /// A picture, and one line about it.
  typealias Result = (drawing: Drawing, summary: String)

  /// The layer of that path.
  func layer(_ path: String) throws(CommandFault) -> any Layer {
    let layers = model.namedLayers.filter { !$0.path.isEmpty }
    if let found = layers.first(where: { $0.path.isExactly(path) }) { return found.layer }
    throw .noLayer(path: loaded.path, layer: path, near: nearestName(to: path, among: layers.map(\.path)))
  }

  /// The size of the pictures that the network is given.
  func inputSize() throws -> ImageSize {
    guard let size = preprocessing.outputSize else { throw PreprocessingFault.noFixedSize }
    return size
  }

  /// The outputs of layers for images [N, C, H, W].
  func outputs(of paths: [String], for inputs: Tensor) throws(CommandFault) -> [Tensor] {
    func open(_ model: some Classifier) -> [String: Tensor] {
      inference { observing(paths, of: model) { model(inputs) }.outputs }
    }
    let found = open(model)
    var outputs: [Tensor] = []
    for path in paths {
      guard let output = found[path] else { throw .noOutput(path: loaded.path, layer: path) }
      outputs.append(output)
    }
    return outputs
  }

  /// A photograph as the network takes it.
  func photograph(_ path: String) throws -> (image: DecodedImage, input: Tensor) {
    let image = preprocessing.sized(try DecodedImage(contentsOf: path))
    try loaded.predictor.check(ImageSize(height: image.height, width: image.width))
    return (image, preprocessing.tensor(of: [image]))
  }

  var name: String { printable(loaded.path.split(separator: "/").last.map(String.init) ?? loaded.path) }

  /// Names the images that cannot be read; fails where they are more than may be.
  func note(_ left: [ImagePredictor.Skipped], of entries: [ImageEntry], _ reading: ReadingArguments) throws {
    for image in left { tell("skipped: \(image.fault)") }
    try reading.checkSkipped(left.map { (entries[$0.index].path, "\($0.fault)") }, of: entries.count)
  }

  // MARK: Features in two dimensions

  /// - Parameter entries: with classes; damaged ones are passed over.
  func embedding(_ part: DataPart, _ reading: ReadingArguments) throws -> Result {
    let entries = part.folder.entries
    var rows: [Float] = []
    var labels: [Int] = []
    let left = try loaded.forEachBatch(entries, workers: reading.workers, label: "features") { batch in
      let features = loaded.predictor.features(batch.inputs)
      let scalars = features.scalars
      if let odd = scalars.firstIndex(where: { !$0.isFinite }) {
        throw PredictionFault.notFinite(of: entries[batch.indices[odd / features.shape[1]]].path, model)
      }
      rows += scalars
      labels += batch.indices.map { entries[$0].label }
    }
    try note(left, of: entries, reading)
    guard labels.count > 2, rows.count / labels.count > 1 else {
      throw CommandFault.nothingDecoded(
        path: part.folder.entries.first?.path ?? "", first: left.first.map { "\($0.fault)" } ?? "too few images")
    }
    let width = rows.count / labels.count
    let components = PrincipalComponents(of: Tensor(rows, shape: [labels.count, width]))
    var groups = part.folder.classes.map { ScatterChart.Group(printable($0), points: []) }
    for (label, place) in zip(labels, components.coordinates) {
      groups[label].points.append(.init(x: Double(place[0]), y: Double(place[1])))
    }
    let chart = ScatterChart(
      title: "\(name): features of \(counted(labels.count, "image"))",
      xTitle: "first principal component, \(percent(components.shares[0])) of the variance",
      yTitle: "second principal component, \(percent(components.shares[1]))",
      groups: groups.filter { !$0.points.isEmpty })
    return (
      chart.drawing(width: 860, height: 680),
      "\(counted(labels.count, "image")), \(grouped(width)) features; \(percent(components.shares[0] + components.shares[1])) of the variance shown"
    )
  }

  // MARK: Pictures that excite channels

  func maximal(_ asked: ChannelArgument, _ settings: ActivationMaximization) throws -> Result {
    _ = try layer(asked.layer)
    let size = try inputSize()
    let empty = Tensor(zeros: [1, preprocessing.channels.count, size.height, size.width])
    let output = try outputs(of: [asked.layer], for: empty)[0]
    guard output.rank == 4 || output.rank == 2 else {
      throw CommandFault.noMaps(path: loaded.path, layer: asked.layer, shape: output.shape)
    }
    if let outside = asked.channels.first(where: { $0 >= output.shape[1] }) {
      throw CommandFault.noChannel(path: loaded.path, layer: asked.layer, channel: outside, count: output.shape[1])
    }
    var line = ProgressLine()
    defer { line.clear() }
    var items: [ContactSheet.Item] = []
    func open(_ model: some Classifier, _ channel: Int) -> ActivationMaximization.Result {
      settings(model, layer: asked.layer, channel: channel, preprocessing: preprocessing, size: size)
    }
    let isHead = asked.layer == model.headPath && loaded.predictor.namesClasses
    for (number, channel) in asked.channels.enumerated() {
      line.show(.init("ascending", done: number, total: asked.channels.count))
      let found = open(model, channel)
      let title = isHead ? printable(loaded.classes[channel]) : "channel \(channel)"
      items.append(
        .init(
          found.image.drawable,
          titles: [
            title,
            "\(ChartNumber.text(Double(found.start), digits: 3)) → \(ChartNumber.text(Double(found.activation), digits: 3))",
          ]))
    }
    line.clear()
    var sheet = ContactSheet(
      title: "\(name): what excites \(asked.layer)", sections: [.init("", items: items)],
      columns: min(asked.channels.count, 8), cell: 224)
    sheet.subtitle = "\(settings.steps) steps from noise; mean activation at the start → at the end"
    return (sheet.drawing(), counted(items.count, "channel"))
  }
}
