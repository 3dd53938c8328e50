import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct DecodingTests {
  @Test(arguments: ImageGoldens.rows("images.tsv")) func decodesAsPillow(row: [String]) {
    #expect(ImageGoldens.summary(ImageGoldens.image(row[0])) == Array(row.dropFirst()), "\(row[0])")
  }

  @Test func tableIsThere() {
    #expect(ImageGoldens.rows("images.tsv").count > 50)
  }

  /// Files that Pillow and this package treat differently, each for a reason.
  static let deviations: [String: [String]] = [
    // A marker segment that reaches beyond the file, after the last row. Refused here as truncated.
    "jpeg-crash/imagetestsuite/5482a54657765056f1a94116a8dbffe7.jpg": ["refused"]
  ]

  @Test(.enabled(if: ImageGoldens.hasAwkward, "the shared folder images-awkward is not here"))
  func awkwardFilesDecodeAsPillow() {
    let rows = ImageGoldens.rows("awkward.tsv")
    #expect(rows.count == 248)
    for row in rows {
      let expected = Self.deviations[row[0]] ?? Array(row.dropFirst())
      #expect(ImageGoldens.summary(ImageGoldens.awkward + "/" + row[0]) == expected, "\(row[0])")
    }
  }

  private func fault(_ bytes: [UInt8]) -> ImageDecodingFault? {
    do throws(ImageDecodingFault) {
      _ = try DecodedImage(decoding: bytes, named: "x")
      return nil
    } catch {
      return error
    }
  }

  private func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: ImageGoldens.image(name))))
  }

  @Test func faultsAreNamed() throws {
    #expect(fault([]) == .notAnImage(path: "x"))
    #expect(fault(Array("hello, world".utf8)) == .notAnImage(path: "x"))
    #expect(fault(Array("GIF89a......".utf8)) == .unsupported(path: "x", format: "GIF"))
    #expect(fault([0x49, 0x49, 0x2a, 0, 8, 0, 0, 0]) == .unsupported(path: "x", format: "TIFF"))
    #expect(fault([0, 0, 0, 32] + Array("ftypavif".utf8)) == .unsupported(path: "x", format: "AVIF"))
    #expect(fault(Array("BM".utf8) + Array(repeating: 0, count: 60)) == .unsupported(path: "x", format: "BMP"))
    #expect(fault(try bytes("rgb-420-cut.jpg")) == .truncated(path: "x", format: "JPEG"))
    #expect(fault(try bytes("rgb-cut.png")) == .truncated(path: "x", format: "PNG"))
    #expect(fault(try bytes("lossy-cut.webp")) == .truncated(path: "x", format: "WebP"))
    #expect(fault(try bytes("huge.png")) == .tooLarge(path: "x", width: 30000, height: 30000))
    guard case .damaged(_, "PNG", let reason) = fault(try bytes("header-checksum.png")) else {
      Issue.record("a wrong checksum is damage")
      return
    }
    #expect(reason.contains("IHDR"))
    #expect(throws: ImageDecodingFault.self) { try DecodedImage(contentsOf: "/nowhere/at/all.jpg") }
    #expect(throws: ImageDecodingFault.unreadable(path: "/dev/null", reason: "not a regular file")) {
      try DecodedImage(contentsOf: "/dev/null")
    }
  }

  /// The size is known before anything is decoded, and a limit holds for every format.
  @Test(arguments: ["rgb-420.jpg", "rgb-progressive.jpg", "interlaced.png", "lossy-alpha.webp", "animated.webp"])
  func pixelsAreBounded(name: String) throws {
    let file = try bytes(name)
    let image = try DecodedImage(decoding: file, named: "x")
    let pixels = image.width * image.height
    #expect(try DecodedImage.pixelCount(of: file, named: "x") == pixels)
    #expect(try DecodedImage(decoding: file, named: "x", pixelLimit: pixels) == image)
    let fault = #expect(throws: ImageDecodingFault.self) {
      try DecodedImage(decoding: file, named: "x", pixelLimit: pixels - 1)
    }
    guard case .tooLarge(_, let width, let height, pixels - 1)? = fault else {
      Issue.record("\(String(describing: fault))")
      return
    }
    #expect(width * height == pixels && "\(fault!)".contains("the \(pixels - 1) pixels"))
    #expect(try DecodedImage.pixelCount(of: bytes("huge.png"), named: "x") == 900_000_000)
    #expect(throws: ImageDecodingFault.notAnImage(path: "x")) { try DecodedImage.pixelCount(of: [1, 2], named: "x") }
  }

  /// Cut anywhere and changed anywhere, a file is decoded or refused; nothing traps or hangs.
  @Test(arguments: ["rgb-420.jpg", "rgb-progressive.jpg", "interlaced.png", "lossy-alpha.webp", "animated.webp"])
  func damagedFilesAreRefusedOrDecoded(name: String) throws {
    let whole = try bytes(name)
    var refused = 0
    for length in stride(from: 0, to: whole.count, by: 7) where fault(Array(whole[..<length])) != nil { refused += 1 }
    #expect(refused > whole.count / 14, "half of the cut files, at least")
    for position in stride(from: 0, to: whole.count, by: 5) {
      var changed = whole
      changed[position] ^= 0x55
      _ = fault(changed)
    }
  }

  /// Every proper prefix of a JPEG lacks something, wherever it ends.
  @Test func everyCutOfAJPEGIsRefused() throws {
    for name in ["rgb-444.jpg", "rgb-progressive.jpg"] {
      let whole = try bytes(name)
      for length in 0..<(whole.count - 2) {
        #expect(fault(Array(whole[..<length])) != nil, "\(name) cut at \(length)")
      }
    }
  }

  @Test func encodesWhatDecodes() throws {
    let image = try DecodedImage(contentsOf: ImageGoldens.image("rgb.png"))
    let again = try DecodedImage(decoding: JPEGEncoder.encode(image, quality: 95), named: "x")
    #expect(again.width == image.width && again.height == image.height)
    let differences = zip(again.pixels, image.pixels).map { abs(Int($0) - Int($1)) }
    #expect(Double(differences.reduce(0, +)) / Double(differences.count) < 20)
  }

  @Test func orientationsUndoEachOther() {
    let image = noise(width: 5, height: 3, seed: 1)
    for (orientation, inverse) in [(2, 2), (3, 3), (4, 4), (5, 5), (6, 8), (7, 7), (8, 6)] {
      let turned = image.oriented(orientation)
      #expect(turned != image)
      #expect(turned.oriented(inverse) == image)
    }
  }
}
