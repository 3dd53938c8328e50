import AviaryKernels
import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct PreprocessingTests {
  @Test(arguments: ImageGoldens.rows("transforms.tsv")) func equalsTorchvision(row: [String]) throws {
    let image = try DecodedImage(contentsOf: ImageGoldens.image(row[0]))
    let size = try #require(Int(row[2]))
    let tensor = try Preprocessing.preset(#require(Preprocessing.Preset(rawValue: row[1])), size: size).validated()(
      image)
    #expect(tensor.shape == [1, 3, size, size])
    let bytes = tensor.scalars.flatMap { value in (0..<4).map { UInt8(value.bitPattern >> (8 * $0) & 0xff) } }
    #expect(ImageGoldens.crc(bytes) == row[3])
  }

  @Test func centerCropRoundsAsPython() {
    // Halves go to the even neighbour: (37 - 32) / 2 = 2.5 → 2, (39 - 32) / 2 = 3.5 → 4.
    let crop = Preprocessing.centerCrop(.square(32), width: 37, height: 39)
    #expect(crop == CropBox(x: 2, y: 4, width: 32, height: 32))
    // A margin of 5 is 2 before and 3 behind.
    let margin = Preprocessing.centerCrop(.square(32), width: 27, height: 32)
    #expect(margin == CropBox(x: -2, y: 0, width: 32, height: 32))
    let white = DecodedImage(width: 27, height: 32, pixels: Array(repeating: 255, count: 3 * 27 * 32))
    let padded = white.cropped(to: margin)
    #expect(padded.pixels[..<9].elementsEqual([0, 0, 0, 0, 0, 0, 255, 255, 255]))
    #expect(padded.pixels[(3 * 29)..<(3 * 32)].allSatisfy { $0 == 0 })
  }

  @Test func greyIsLuma() {
    let image = DecodedImage(width: 2, height: 1, pixels: [255, 0, 0, 10, 200, 30])
    let grey = Preprocessing(resize: .none, channels: .grey, scale: 1, mean: [0], standardDeviation: [1])
    #expect(grey(image).shape == [1, 1, 1, 2])
    #expect(grey(image).scalars == [76, 124])
  }

  @Test func sizesChangeTogether() {
    #expect(Preprocessing.torchvision(size: 224).withSize(96) == .torchvision(size: 96))
    #expect(Preprocessing.caffe().withSize(96).outputSize == .square(96))
    #expect(Preprocessing.unit(size: 10).withSize(ImageSize(height: 4, width: 6)).outputSize?.width == 6)
  }

  @Test func survivesCoding() throws {
    for preset in Preprocessing.Preset.allCases.map({ Preprocessing.preset($0, size: 64) }) {
      let again = try JSONDecoder().decode(Preprocessing.self, from: JSONEncoder().encode(preset))
      #expect(again == preset)
    }
    let augmentation = Augmentation(scale: 0.35...1)
    #expect(try JSONDecoder().decode(Augmentation.self, from: JSONEncoder().encode(augmentation)) == augmentation)
  }

  @Test func impossibleValuesAreRefused() {
    var broken = Preprocessing.torchvision()
    broken.mean = [0, 0]
    #expect(throws: PreprocessingFault.count("mean", 2, .rgb)) { try broken.validated() }
    broken = .torchvision()
    broken.standardDeviation[1] = 0
    #expect(throws: PreprocessingFault.value("standard deviation", 0, allowed: "positive finite numbers")) {
      try broken.validated()
    }
    broken = .torchvision()
    broken.crop = ImageSize(height: 0, width: 5)
    #expect(throws: PreprocessingFault.self) { try broken.validated() }
    broken = .torchvision()
    broken.scale = .nan
    #expect(throws: PreprocessingFault.self) { try broken.validated() }
    #expect(throws: PreprocessingFault.self) { try Augmentation(scale: 0...1).validated() }
    #expect(throws: PreprocessingFault.self) { try Augmentation(flipProbability: 2).validated() }
  }

  @Test func randomBoxesKeepTheirPromises() {
    let augmentation = Augmentation.standard
    var flat = 0
    for step in 0..<2000 {
      var random = RandomStream(seed: 1, purpose: "test", step: UInt64(step))
      let box = augmentation.randomBox(width: 200, height: 150, using: &random)
      #expect(box.lies(inWidth: 200, height: 150))
      let share = Double(box.width * box.height) / (200 * 150)
      let ratio = Double(box.width) / Double(box.height)
      #expect(share > 0.075 && share <= 1 && ratio > 0.72 && ratio < 1.38)
      if share < 0.54 { flat += 1 }
    }
    // Half of the areas lie in the lower half; more than half of the boxes, for the largest often do not fit.
    #expect((1200..<1450).contains(flat), "\(flat)")
    var random = RandomStream(seed: 1, purpose: "test")
    // No try fits into a line; the fallback is its middle at the widest proportion, 2 · 4/3 rounded.
    let line = augmentation.randomBox(width: 1000, height: 2, using: &random)
    #expect(line == CropBox(x: 498, y: 0, width: 3, height: 2))
  }

  @Test func thinImagesDoNotExplode() {
    let line = noise(width: 4000, height: 1, seed: 2)
    #expect(Preprocessing.torchvision(size: 32)(line).shape == [1, 3, 32, 32])
  }
}
