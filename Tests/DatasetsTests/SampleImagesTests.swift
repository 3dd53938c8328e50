import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct SampleImagesTests {
  @Test func writesADataset() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/sample"
    let summary = try SampleImages.write(to: path, count: 40, seed: 1, imageSize: 48)
    #expect(summary == .init(folder: path, classes: ["cat", "dog"], trainingImages: 32, testImages: 8))
    let dataset = try ImageDataset(path)
    #expect(dataset.training.counts == [16, 16])
    #expect(dataset.test?.counts == [4, 4])
    let image = try DecodedImage(contentsOf: dataset.training.entries[0].path)
    #expect(image.width == 48 && image.height == 48)
    #expect(throws: SampleImagesFault.notEmpty(path: path)) { try SampleImages.write(to: path) }
    #expect(throws: SampleImagesFault.count(3)) { try SampleImages.write(to: path + "/x", count: 3) }
  }

  @Test func picturesDependOnSeedAndNumberOnly() {
    let first = SampleImages.draw(number: 4, seed: 1, side: 40)
    #expect(first.label == "cat")
    #expect(SampleImages.draw(number: 4, seed: 1, side: 40).image == first.image)
    #expect(SampleImages.draw(number: 6, seed: 1, side: 40).image != first.image)
    #expect(SampleImages.draw(number: 4, seed: 2, side: 40).image != first.image)
    #expect(SampleImages.draw(number: 5, seed: 1, side: 40).label == "dog")
  }

  /// Neither brightness nor colour gives the class away: the means of the classes are close beside their spread.
  @Test func coloursTellNothing() {
    func means(_ parity: Int) -> [Double] {
      (0..<60).map { number in
        let pixels = SampleImages.draw(number: 2 * number + parity, seed: 3, side: 32).image.pixels
        return pixels.reduce(0) { $0 + Double($1) } / Double(pixels.count)
      }
    }
    func mean(_ x: [Double]) -> Double { x.reduce(0, +) / Double(x.count) }
    let (cats, dogs) = (means(0), means(1))
    let spread = mean(cats.map { ($0 - mean(cats)) * ($0 - mean(cats)) }).squareRoot()
    #expect(abs(mean(cats) - mean(dogs)) < spread / 2)
  }

  /// Draws the pictures to look at where AVIARY_SAMPLE_FOLDER names a folder.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["AVIARY_SAMPLE_FOLDER"] != nil, "AVIARY_SAMPLE_FOLDER names no folder"))
  func drawsToLookAt() throws {
    let path = try #require(ProcessInfo.processInfo.environment["AVIARY_SAMPLE_FOLDER"])
    #expect(try SampleImages.write(to: path, count: 60).trainingImages == 48)
  }
}
