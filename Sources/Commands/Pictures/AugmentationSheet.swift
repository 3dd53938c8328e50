import Aviary
import AviaryArchives
import AviaryPictures

/// One photograph as training sees it: where its random crops lie, each random change by itself, and all together.
struct AugmentationSheet: DataSheet {
  private(set) var sheet: ContactSheet
  private(set) var images = 0
  let skipped: [(path: String, reason: String)]
  var tried: Int { skipped.count + 1 }
  let summary: String
  let members: [JSONValue.Member]

  private static let cell = 144

  /// - Parameters:
  ///   - photo: a file; nil for one that the seed chooses.
  ///   - size: the side of what training sees; nil for 224, or the size of packed pictures.
  ///   - count: the examples of each change.
  init(
    _ data: ShownImages, photo: String?, changes: Augmentation, size: Int?, count: Int, seed: UInt64
  ) throws {
    let augmentation = try changes.validated()
    let (entry, image, passedOver) = try Self.photograph(data, photo, seed)
    skipped = passedOver
    let side = ImageSize(height: size ?? entry.ownSide ?? 224, width: size ?? entry.ownSide ?? 224)
    let preprocessing = Preprocessing.torchvision().withSize(side)
    func examples(_ augmentation: Augmentation, _ name: String) -> [ContactSheet.Item] {
      (0..<count).map { number in
        var random = RandomStream(seed: seed, purpose: "image augmentation", path: name, step: UInt64(number))
        let changed = preprocessing.augmented(image, by: augmentation, to: side, using: &random)
        return .init(changed.fitted(Self.cell).drawable, titles: ["\(number + 1)"], color: .faint)
      }
    }
    var sections = [
      ContactSheet.Section(
        "The photograph",
        items: [
          .init(image.fitted(Self.cell).drawable, titles: ["\(image.width)×\(image.height)"]),
          .init(preprocessing.sized(image).fitted(Self.cell).drawable, titles: ["in evaluation"]),
        ])
    ]
    if augmentation.crops {
      let (overview, crops) = Self.crops(of: image, augmentation, preprocessing, side, count: count, seed: seed)
      sections[0].items.append(.init(overview, titles: ["its random crops"]))
      sections.append(.init("Random crops", items: crops))
    }
    let parts = augmentation.parts
    for (name, change) in parts { sections.append(.init(name, items: examples(change, name))) }
    if parts.count + (augmentation.crops ? 1 : 0) > 1 {
      sections.append(.init("All together: what training sees", items: examples(augmentation, "all")))
    }
    sheet = ContactSheet(
      title: printable(entry.shortName), sections: sections, columns: max(8, min(count, 12)), cell: Double(Self.cell))
    sheet.subtitle = "as training sees it, \(side.width)×\(side.height)"
    images = sections.reduce(0) { $0 + $1.items.count }
    summary = "\(printable(entry.path)), \(counted(parts.count, "random change"))"
    members = [.init("image", .text(entry.path)), .init("changes", .texts(sections.dropFirst().map(\.heading)))]
  }

  /// The photograph, and those that were to be shown instead but cannot be read.
  private static func photograph(
    _ data: ShownImages, _ photo: String?, _ seed: UInt64
  ) throws -> (ImageEntry, DecodedImage, skipped: [(path: String, reason: String)]) {
    if let photo {
      let named = data.entries.first { $0.path == photo || $0.shortName == photo }
      let entry = named ?? ImageEntry(path: photo, label: 0)
      return (entry, try entry.decoded(), [])
    }
    var skipped: [(path: String, reason: String)] = []
    for entry in data.shuffled(seed: seed).joined() {
      do throws(ImageDecodingFault) { return (entry, try entry.decoded(), skipped) } catch {
        skipped.append((entry.path, "\(error)"))
      }
    }
    throw CommandFault.nothingDecoded(path: data.path, first: skipped.first?.reason ?? "it is empty")
  }

  /// The photograph with the frames of its crops, and the crops in their colours.
  private static func crops(
    of image: DecodedImage, _ augmentation: Augmentation, _ preprocessing: Preprocessing, _ side: ImageSize, count: Int,
    seed: UInt64
  ) -> (overview: Pixels, crops: [ContactSheet.Item]) {
    let small = image.fitted(2 * cell)
    var bytes = small.pixels
    var items: [ContactSheet.Item] = []
    let scale = Double(small.width) / Double(image.width)
    for number in 0..<count {
      var random = RandomStream(seed: seed, purpose: "image augmentation", path: "crops", step: UInt64(number))
      let box = augmentation.randomBox(width: image.width, height: image.height, using: &random)
      let color = Drawing.Color.series(number)
      let crop = image.resized(width: side.width, height: side.height, from: box, by: preprocessing.interpolation)
      items.append(
        .init(
          crop.fitted(cell).drawable, titles: ["\(number + 1)  ·  \(box.width)×\(box.height)"], color: color,
          isFramed: true))
      bytes.frame(
        x: Int(Double(box.x) * scale), y: Int(Double(box.y) * scale), width: Int(Double(box.width) * scale),
        height: Int(Double(box.height) * scale), color, in: small)
    }
    return (Pixels(width: small.width, height: small.height, channels: 3, bytes: bytes), items)
  }
}

extension [UInt8] {
  /// Draws a frame of two pixels into an RGB picture.
  fileprivate mutating func frame(
    x: Int, y: Int, width: Int, height: Int, _ color: Drawing.Color, in image: DecodedImage
  ) {
    let (left, top) = (Swift.min(x, image.width - 1), Swift.min(y, image.height - 1))
    let (right, bottom) = (Swift.min(x + width, image.width), Swift.min(y + height, image.height))
    for row in top..<Swift.max(bottom, top + 1) {
      for column in left..<Swift.max(right, left + 1)
      where row < top + 2 || row >= bottom - 2 || column < left + 2 || column >= right - 2 {
        let at = 3 * (row * image.width + column)
        (self[at], self[at + 1], self[at + 2]) = (color.red, color.green, color.blue)
      }
    }
  }
}

extension ImageEntry {
  /// The side of the pictures that a file packs; nil for a photograph.
  fileprivate var ownSide: Int? { file == path ? nil : (try? decoded()).map { max($0.width, $0.height) } }
}

extension Augmentation {
  fileprivate var crops: Bool { scale != 1...1 || ratio != 1...1 }

  /// Each random change by itself, with its name, but for the crop.
  fileprivate var parts: [(name: String, change: Augmentation)] {
    let none = Augmentation(scale: 1...1, ratio: 1...1, flipProbability: 0)
    var parts: [(String, Augmentation)] = []
    func add(_ name: String, _ isOn: Bool, _ change: (inout Augmentation) -> Void) {
      guard isOn else { return }
      var part = none
      change(&part)
      parts.append((name, part))
    }
    add("Horizontal flip", flipProbability > 0) { $0.flipProbability = flipProbability }
    add("Vertical flip", verticalFlipProbability > 0) { $0.verticalFlipProbability = verticalFlipProbability }
    add("RandAugment", randAugment != nil) { $0.randAugment = randAugment }
    add("TrivialAugment", trivialAugment != nil) { $0.trivialAugment = trivialAugment }
    if let affine {
      let still = RandomAffine(fill: affine.fill, fillMode: affine.fillMode)
      func add(_ name: String, _ isOn: Bool, _ change: (inout RandomAffine) -> Void) {
        guard isOn else { return }
        var moved = still
        change(&moved)
        var part = none
        part.affine = moved
        parts.append((name, part))
      }
      add("Rotation", affine.rotation != still.rotation) { $0.rotation = affine.rotation }
      add("Shift", affine.shift != still.shift) { $0.shift = affine.shift }
      let (across, along) = (affine.widthShift ?? affine.shift, affine.heightShift ?? affine.shift)
      add("Width shift", affine.widthShift != nil && across > 0) { ($0.widthShift, $0.heightShift) = (across, 0) }
      add("Height shift", affine.heightShift != nil && along > 0) { ($0.widthShift, $0.heightShift) = (0, along) }
      add("Shear", affine.shear != still.shear) { $0.shear = affine.shear }
      add("Zoom", affine.zoom != still.zoom) { $0.zoom = affine.zoom }
    }
    if let jitter {
      let still = ColorJitter()
      func add(_ name: String, _ isOn: Bool, _ change: (inout ColorJitter) -> Void) {
        guard isOn else { return }
        var colored = still
        change(&colored)
        var part = none
        part.jitter = colored
        parts.append((name, part))
      }
      add("Brightness", jitter.brightness != still.brightness) { $0.brightness = jitter.brightness }
      add("Contrast", jitter.contrast != still.contrast) { $0.contrast = jitter.contrast }
      add("Saturation", jitter.saturation != still.saturation) { $0.saturation = jitter.saturation }
      add("Hue", jitter.hue != still.hue) { $0.hue = jitter.hue }
    }
    add("Channel shift", channelShift != nil) { $0.channelShift = channelShift }
    add("Noise", noise != nil) { $0.noise = noise }
    add("Erasing", erasing != nil) { $0.erasing = erasing }
    return parts
  }
}
