import Testing

@testable import AviaryDatasets

@Suite struct ResizingTests {
  @Test(arguments: ImageGoldens.rows("resize.tsv")) func resizesAsPillow(row: [String]) throws {
    let image = try DecodedImage(contentsOf: ImageGoldens.image(row[0]))
    let n = row[1...6].compactMap { Int($0) }
    let box = CropBox(x: n[0], y: n[1], width: n[2] - n[0], height: n[3] - n[1])
    let resized = image.resized(width: n[4], height: n[5], from: box)
    #expect(ImageGoldens.crc(resized.pixels) == row[7], "\(box) to \(n[4])x\(n[5])")
  }

  @Test(arguments: ImageGoldens.rows("resize-bicubic.tsv")) func resizesBicubicAsPillow(row: [String]) throws {
    let image = try DecodedImage(contentsOf: ImageGoldens.image(row[0]))
    let n = row[1...6].compactMap { Int($0) }
    let box = CropBox(x: n[0], y: n[1], width: n[2] - n[0], height: n[3] - n[1])
    let resized = image.resized(width: n[4], height: n[5], from: box, by: .bicubic)
    #expect(ImageGoldens.crc(resized.pixels) == row[7], "\(box) to \(n[4])x\(n[5])")
  }

  /// One pass of the kernels, written as plainly as possible, along rows (`step` 3) or columns (`step` 3 · width).
  private func pass(_ input: [UInt8], from: Int, to: Int, lines: Int, step: Int, line: Int) -> [[UInt8]] {
    let axis = ResizeWeights(from: from, start: 0, length: Double(from), to: to, keeping: 0..<to, by: .bilinear)
    return (0..<lines).map { y in
      (0..<to).flatMap { x in
        (0..<3).map { c in
          let sum = (0..<Int(axis.counts[x])).reduce(1 << 21) {
            $0 + Int(input[y * line + (Int(axis.starts[x]) + $1) * step + c]) * Int(axis.weights[x * axis.taps + $1])
          }
          return UInt8(min(max(sum >> 22, 0), 255))
        }
      }
    }
  }

  private func horizontal(_ image: DecodedImage, _ width: Int) -> DecodedImage {
    let rows = pass(image.pixels, from: image.width, to: width, lines: image.height, step: 3, line: 3 * image.width)
    return DecodedImage(width: width, height: image.height, pixels: rows.flatMap { $0 })
  }

  private func vertical(_ image: DecodedImage, _ height: Int) -> DecodedImage {
    let columns = pass(image.pixels, from: image.height, to: height, lines: image.width, step: 3 * image.width, line: 3)
    let pixels = (0..<height).flatMap { y in columns.flatMap { $0[(3 * y)..<(3 * y + 3)] } }
    return DecodedImage(width: image.width, height: height, pixels: pixels)
  }

  @Test(arguments: [(300, 200, 123, 77), (31, 17, 90, 50), (16, 16, 15, 17), (2, 1, 4, 3), (257, 3, 2, 90)])
  func kernelsEqualTheReference(width: Int, height: Int, newWidth: Int, newHeight: Int) {
    let image = noise(width: width, height: height, seed: UInt32(width))
    #expect(
      image.resized(width: newWidth, height: newHeight) == vertical(horizontal(image, newWidth), newHeight))
    #expect(image.resized(width: newWidth, height: height) == horizontal(image, newWidth))
    #expect(image.resized(width: width, height: newHeight) == vertical(image, newHeight))
  }

  /// Rows go first where that takes away more than twice as many of them.
  @Test(arguments: [(40, 30, 45, 28), (20, 100, 9, 77), (64, 64, 47, 28), (37, 29, 200, 1)])
  func rowsGoFirstWhereTheyShrinkMore(width: Int, height: Int, newWidth: Int, newHeight: Int) {
    let image = noise(width: width, height: height, seed: UInt32(width))
    let resized = image.resized(width: newWidth, height: newHeight)
    #expect(resized == horizontal(vertical(image, newHeight), newWidth))
    #expect(resized != vertical(horizontal(image, newWidth), newHeight))
  }

  @Test func onlyWhatIsKeptIsComputed() {
    let image = noise(width: 90, height: 70, seed: 3)
    for (width, height) in [(45, 33), (90, 40), (50, 70), (90, 70), (120, 100), (95, 30)] {
      let kept = CropBox(x: 7, y: 5, width: 30, height: 20)
      #expect(
        image.resized(width: width, height: height, keeping: kept)
          == image.resized(width: width, height: height).cropped(to: kept))
    }
  }

  @Test func constantStaysConstant() {
    for value: UInt8 in [0, 1, 127, 254, 255] {
      let image = DecodedImage(width: 23, height: 19, pixels: Array(repeating: value, count: 3 * 23 * 19))
      #expect(image.resized(width: 50, height: 7).pixels.allSatisfy { $0 == value })
    }
  }
}
