import Testing

@testable import AviaryDatasets

/// Moving and recolouring pictures as Pillow does, to the last bit.
@Suite struct RecoloringTests {
  /// The pictures of tools/goldens_augmentation.py.
  private func picture(_ name: String) throws -> DecodedImage {
    guard name == "cube" else { return try DecodedImage(contentsOf: ImageGoldens.image(name)) }
    var pixels: [UInt8] = []
    for i in 0..<256 * 512 {
      let color = [i % 64 * 4 + i / 4096 % 4, i / 64 % 64 * 4 + i / 8192 % 3, i / 2048 * 4 + i % 3]
      pixels += color.map { UInt8(min($0, 255)) }
    }
    return DecodedImage(width: 256, height: 512, pixels: pixels)
  }

  @Test(arguments: ImageGoldens.rows("affine.tsv")) func movesAsPillow(row: [String]) throws {
    let image = try picture(row[0])
    let numbers = row[1...5].compactMap(Double.init)
    let golden = row[6...11].compactMap(Double.init)
    try #require(numbers.count == 5 && golden.count == 6)
    let map = AffineMap(
      rotation: numbers[0], shear: numbers[1], zoom: numbers[2], shift: (numbers[3], numbers[4]), width: image.width,
      height: image.height)
    for (own, expected) in zip([map.a, map.b, map.c, map.d, map.e, map.f], golden) {
      #expect(abs(own - expected) < 1e-12)
    }
    let exact = AffineMap(a: golden[0], b: golden[1], c: golden[2], d: golden[3], e: golden[4], f: golden[5])
    let fill = row[12].split(separator: ",").compactMap { UInt8($0) }
    #expect(ImageGoldens.crc(image.transformed(by: exact, fill: fill).pixels) == row[13])
  }

  @Test(arguments: ImageGoldens.rows("colors.tsv")) func recolorsAsPillow(row: [String]) throws {
    let image = try picture(row[0])
    let strength = try #require(Double(row[2]))
    let changed =
      switch row[1] {
      case "brightness": image.withBrightness(strength)
      case "contrast": image.withContrast(strength)
      case "saturation": image.withSaturation(strength)
      default: image.withHueTurned(by: strength)
      }
    #expect(ImageGoldens.crc(changed.pixels) == row[3], "\(row)")
  }

  @Test func theGoldensAreThere() {
    #expect(ImageGoldens.rows("affine.tsv").count == 26 && ImageGoldens.rows("colors.tsv").count == 87)
    #expect(Set(ImageGoldens.rows("colors.tsv").map { $0[1] }) == ["brightness", "contrast", "saturation", "hue"])
  }

  @Test func aHalfTurnIsTwoFlips() {
    let image = noise(width: 8, height: 6, seed: 3)
    let map = AffineMap(a: -1, b: 0, c: 8, d: 0, e: -1, f: 6)
    #expect(image.transformed(by: map) == image.flippedHorizontally().flippedVertically())
    #expect(image.flippedVertically().flippedVertically() == image && image.flippedVertically() != image)
    #expect(image.flippedVertically().pixels.prefix(24) == image.pixels.suffix(24))
  }
}
