import Aviary
import AviaryArchives
import AviaryPictures

/// The places of images that excite each channel of a layer most, at most one of an image.
struct StrongestPlaces {
  struct Place {
    let value: Float
    let entry: Int
    let row: Int
    let column: Int
  }

  let perChannel: Int
  private(set) var places: [[Place]]

  init(channels: Int, perChannel: Int) {
    self.perChannel = perChannel
    places = Array(repeating: [], count: channels)
  }

  /// - Parameters:
  ///   - output: [N, C, H, W]
  ///   - entries: the number of each image.
  mutating func add(_ output: Tensor, entries: [Int]) {
    let (height, width) = (output.shape[2], output.shape[3])
    let flat = output.reshaped(to: [output.shape[0], output.shape[1], height * width])
    let (values, indices) = flat.maxWithIndices(axis: 2)
    let (found, positions) = (values.scalars, indices.scalars)
    for (row, entry) in entries.enumerated() {
      for channel in places.indices {
        let at = row * output.shape[1] + channel
        let value = found[at]
        guard value.isFinite, places[channel].count < perChannel || value > (places[channel].last?.value ?? 0) else {
          continue
        }
        let position = Int(positions[at])
        let place = Place(value: value, entry: entry, row: position / width, column: position % width)
        let rank = places[channel].firstIndex { $0.value < value } ?? places[channel].count
        places[channel].insert(place, at: rank)
        if places[channel].count > perChannel { places[channel].removeLast() }
      }
    }
  }
}

extension NetworkPictures {
  private static let perChannel = 8

  /// The parts of images that excite the channels of a layer most, as large as what the layer sees.
  func patches(_ path: String, _ part: DataPart, _ reading: ReadingArguments) throws -> Result {
    _ = try layer(path)
    let size = try inputSize()
    let entries = part.folder.entries
    let input = Tensor(zeros: [1, loaded.preprocessing.channels.count, size.height, size.width])
    let shape = try outputs(of: [path], for: input)[0].shape
    guard shape.count == 4 else { throw CommandFault.noMaps(path: loaded.path, layer: path, shape: shape) }
    let shown = min(shape[1], count ?? 16)
    var strongest = StrongestPlaces(channels: shown, perChannel: Self.perChannel)
    let left = try loaded.forEachBatch(entries, workers: reading.workers, label: "looking") { batch in
      strongest.add(try outputs(of: [path], for: batch.inputs)[0], entries: batch.indices)
    }
    try note(left, of: entries, reading)
    guard strongest.places.contains(where: { !$0.isEmpty }) else {
      throw CommandFault.nothingDecoded(path: loaded.path, first: left.first.map { "\($0.fault)" } ?? "no images")
    }
    let field = try ReceptiveFields(self, path, input)
    var sections: [ContactSheet.Section] = []
    for (channel, places) in strongest.places.enumerated() {
      let items = try places.map { place in
        let image = loaded.preprocessing.sized(try entries[place.entry].decoded())
        let patch = image.cropped(to: field.box(row: place.row, column: place.column))
        return ContactSheet.Item(
          patch.drawable,
          titles: [
            ChartNumber.text(Double(place.value), digits: 3),
            printable(part.folder.classes[entries[place.entry].label]),
          ],
          color: .faint)
      }
      sections.append(.init("channel \(channel)", items: items))
    }
    var sheet = ContactSheet(
      title: "\(name): what excites \(path)", sections: sections, columns: Self.perChannel, cell: 96)
    let box = field.box(row: shape[2] / 2, column: shape[3] / 2)
    sheet.subtitle =
      "parts of \(counted(entries.count, "image")) with the highest activation, of \(box.height)×\(box.width) pixels, which the layer sees"
      + (shown < shape[1] ? "; the first \(shown) of \(grouped(shape[1])) channels" : "")
    return (
      sheet.drawing(),
      "\(counted(shown, "channel")), \(counted(entries.count, "image")), parts of \(box.height)×\(box.width)"
    )
  }
}

/// What places of a layer's output see of the image.
private struct ReceptiveFields {
  private let trace: Trace
  private let place: Int?
  private let height: Int
  private let width: Int

  init(_ pictures: NetworkPictures, _ path: String, _ input: Tensor) throws {
    func open(_ model: some Classifier) -> (Tensor?, Trace) {
      tracing(input) { inference { observing([path], of: model) { model(input) }.outputs[path] } }
    }
    let (output, trace) = open(pictures.model)
    self.trace = trace
    place = output.flatMap { trace.place(of: $0) }
    (height, width) = (input.shape[2], input.shape[3])
  }

  /// Cut off where the picture ends.
  func box(row: Int, column: Int) -> CropBox {
    let whole = CropBox(x: 0, y: 0, width: width, height: height)
    guard let place,
      let region = trace.receptiveField(of: .init(rows: row...row, columns: column...column), at: place)
    else { return whole }
    let (top, bottom) = (max(region.rows.lowerBound, 0), min(region.rows.upperBound, height - 1))
    let (left, right) = (max(region.columns.lowerBound, 0), min(region.columns.upperBound, width - 1))
    guard top <= bottom, left <= right else { return whole }
    return CropBox(x: left, y: top, width: right - left + 1, height: bottom - top + 1)
  }
}
