import AviaryKernels
import Foundation
import Testing

@testable import AviaryDatasets

/// Training cuts decode a part of a JPEG file, perhaps at a fraction of its size; evaluation decodes the whole.
@Suite struct PartialDecodingTests {
  private static let files = ImageGoldens.rows("images.tsv").filter { $0[0].hasSuffix(".jpg") && $0[1] != "refused" }
    .map { $0[0] }

  private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

  /// Boxes of a picture: the whole, its corners, and some at random.
  private func boxes(width: Int, height: Int, random count: Int = 20) -> [CropBox] {
    var random = RandomStream(seed: 3, purpose: "boxes")
    let (w, h) = ((width + 1) / 2, (height + 1) / 2)
    var boxes = [CropBox(x: 0, y: 0, width: width, height: height)]
    for (x, y) in [(0, 0), (width - w, 0), (0, height - h), (width - w, height - h)] {
      boxes.append(CropBox(x: x, y: y, width: w, height: h))
    }
    for _ in 0..<count {
      let (w, h) = (1 + random.integer(below: width), 1 + random.integer(below: height))
      boxes.append(
        CropBox(x: random.integer(below: width - w + 1), y: random.integer(below: height - h + 1), width: w, height: h))
    }
    return boxes
  }

  private func expectExact(_ path: String, random: Int = 20) throws {
    let whole = try DecodedImage(contentsOf: path)
    let source = try PictureSource(contentsOf: path)
    #expect(source.width == whole.width && source.height == whole.height, "\(path)")
    for box in boxes(width: whole.width, height: whole.height, random: random) {
      for (width, height) in [(box.width, box.height), (box.width / 2 + 1, box.height), (box.width + 3, box.height)] {
        let cut = try source.resized(width: width, height: height, from: box)
        guard cut == whole.resized(width: width, height: height, from: box) else {
          Issue.record("\(path): \(box) of \(whole.width)x\(whole.height) to \(width)x\(height)")
          return
        }
      }
    }
  }

  /// A part at its own size has the very pixels that the whole has there, whatever the sampling and the orientation.
  @Test(arguments: files) func partsAreExact(name: String) throws {
    try expectExact(ImageGoldens.image(name))
  }

  @Test(.enabled(if: ImageGoldens.hasAwkward, "the shared folder images-awkward is not here"))
  func partsOfAwkwardFilesAreExact() throws {
    let rows = ImageGoldens.rows("awkward.tsv").filter { $0[0].contains(".jp") && $0[1] != "refused" }
    #expect(rows.count > 50)
    var decoded = 0
    for path in rows.map({ ImageGoldens.awkward + "/" + $0[0] }) where (try? DecodedImage(contentsOf: path)) != nil {
      try expectExact(path, random: 3)
      decoded += 1
    }
    // Other decoders forgive some files that are refused here.
    #expect(decoded > 50, "\(decoded) of \(rows.count) files were decoded")
  }

  /// The parts are really decoded alone: of the goldens only files with something to forgive need the whole.
  @Test func goodFilesAreDecodedInParts() throws {
    for name in Self.files {
      let isOpened = JPEGPicture(try bytes(ImageGoldens.image(name)), path: name) != nil
      #expect(isOpened == (name != "extraneous.jpg"), "\(name)")
    }
  }

  /// Light and shade, edges and texture, of any size.
  private static func photograph(width: Int, height: Int) -> DecodedImage {
    let grain = noise(width: width, height: height, seed: 5)
    var pixels = grain.pixels
    for y in 0..<height {
      for x in 0..<width {
        let (u, v) = (Double(x) / Double(width), Double(y) / Double(height))
        let wave = sin(40 * u * u + 9 * v) * cos(31 * v) + 0.3 * sin(200 * u + 170 * v)
        let isInside = (u - 0.4) * (u - 0.4) + (v - 0.6) * (v - 0.6) < 0.06
        for c in 0..<3 {
          let base = (isInside ? 150 : 90) + 40 * wave + 30 * Double(c - 1) * (u - v)
          let at = 3 * (y * width + x) + c
          pixels[at] = UInt8(min(max(base + Double(grain.pixels[at]) / 16, 0), 255))
        }
      }
    }
    return DecodedImage(width: width, height: height, pixels: pixels)
  }

  private static let largeFile = JPEGEncoder.encode(photograph(width: 1003, height: 765))

  /// The file with an EXIF orientation behind its first marker.
  private func turned(_ jpeg: [UInt8], _ orientation: UInt8) -> [UInt8] {
    let directory: [UInt8] = [0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]
    let exif = Array("Exif\0\0MM\0*\0\0\0\u{8}".utf8) + directory
    return jpeg[..<2] + [0xff, 0xe1, 0, UInt8(exif.count + 2)] + exif + jpeg[2...]
  }

  /// At a half, a quarter and an eighth the cut is close to that of the whole picture, in its colours and its place.
  @Test(arguments: 1...8 as ClosedRange<UInt8>) func fractionsAreClose(orientation: UInt8) throws {
    let file = turned(Self.largeFile, orientation)
    let whole = try DecodedImage(decoding: file, named: "photograph")
    let source = try PictureSource(file, named: "photograph")
    #expect((whole.width, whole.height) == (orientation < 5 ? (1003, 765) : (765, 1003)))
    var reductions: Set<Int> = []
    for box in boxes(width: whole.width, height: whole.height) where box.width > 80 && box.height > 80 {
      let size = 32
      reductions.insert([8, 4, 2].first { min(box.width, box.height) >= $0 * size } ?? 1)
      let exact = whole.resized(width: size, height: size, from: box)
      let cut = try source.resized(width: size, height: size, from: box)
      let differences = zip(exact.pixels, cut.pixels).map { abs(Int($0) - Int($1)) }
      let mean = Double(differences.reduce(0, +)) / Double(differences.count)
      // Of 255. A cut that is one pixel off its place is further away, as the next line shows.
      #expect(mean < 1.5 && (differences.max() ?? 0) < 24, "\(box): \(mean), \(differences.max() ?? 0)")
      var shifted = box
      shifted.x += box.x + box.width + box.width / size < whole.width ? box.width / size : -(box.width / size)
      guard shifted.lies(inWidth: whole.width, height: whole.height) else { continue }
      let off = whole.resized(width: size, height: size, from: shifted)
      let sum = zip(exact.pixels, off.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
      #expect(Double(sum) / Double(differences.count) > 1.7, "the photograph cannot tell a shift: \(box)")
    }
    #expect(reductions.isSuperset(of: [2, 4, 8]))
  }

  /// Files that were cut are refused, even where the part that is wanted is there.
  @Test func everyCutFileIsRefused() throws {
    for name in ["large-420.jpg", "large-422-progressive.jpg", "rgb-restarts.jpg"] {
      let whole = try bytes(ImageGoldens.image(name))
      for length in stride(from: 0, to: whole.count - 1, by: 97) {
        #expect(throws: ImageDecodingFault.self, "\(name) cut at \(length)") {
          let source = try PictureSource(Array(whole[..<length]), named: name)
          _ = try source.resized(width: 4, height: 4, from: CropBox(x: 0, y: 0, width: 9, height: 5))
        }
      }
    }
  }

  /// Changed anywhere, a file is decoded or refused; nothing traps or hangs.
  @Test(arguments: ["large-420.jpg", "large-422-progressive.jpg", "large-cmyk.jpg", "rgb-restarts.jpg"])
  func damagedFilesAreRefusedOrDecoded(name: String) throws {
    let whole = try bytes(ImageGoldens.image(name))
    var decoded = 0
    for position in stride(from: 2, to: whole.count, by: 23) {
      var changed = whole
      changed[position] ^= 0x5a
      guard let source = try? PictureSource(changed, named: name) else { continue }
      let (w, h) = (source.width, source.height)
      let box = CropBox(x: w / 3, y: h / 3, width: max(w / 2, 1), height: max(h / 2, 1))
      for side in [4, 40] where (try? source.resized(width: side, height: side, from: box)) != nil { decoded += 1 }
    }
    #expect(decoded > 20)
  }

  /// The batches of training are made of the cuts that the streams of the whole pictures draw.
  @Test func batchesDrawWhatTheyDrew() throws {
    let folder = try TemporaryFolder()
    let image = Self.photograph(width: 301, height: 202)
    try folder.write(turned(JPEGEncoder.encode(image), 8), to: "a/1.jpg")
    try folder.write(JPEGEncoder.encode(image), to: "b/1.jpg")
    let entries = try ImageFolder(folder.path).entries
    let preprocessing = Preprocessing.torchvision(size: 200)
    for epoch in 0..<5 {
      let batches = try ImageBatches(
        entries, preprocessing: preprocessing, augmentation: .standard, batchSize: 2, seed: 4, epoch: epoch)
      let whole = try entries.indices.map { index in
        var random = RandomStream(seed: 4, purpose: "image augmentation", path: "\(index)", step: UInt64(epoch))
        return preprocessing.augmented(
          try entries[index].decoded(), by: .standard, to: .square(200), using: &random)
      }
      #expect(batches.next()?.inputs.scalars == preprocessing.tensor(of: whole).scalars)
    }
  }
}
