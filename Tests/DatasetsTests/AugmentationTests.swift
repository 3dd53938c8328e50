import AviaryKernels
import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct AugmentationTests {
  private let image = noise(width: 40, height: 30, seed: 9)
  /// Nothing but what is set.
  private let nothing = Augmentation(scale: 1...1, ratio: 1...1, flipProbability: 0)

  private func changed(_ augmentation: Augmentation, _ step: Int, image: DecodedImage? = nil) -> DecodedImage {
    var random = RandomStream(seed: 2, purpose: "test", step: UInt64(step))
    return augmentation.changed(image ?? self.image, covering: [1, 2, 3], using: &random)
  }

  private static let everything = Augmentation(
    verticalFlipProbability: 0.5, affine: RandomAffine(rotation: 20, shift: 0.1, shear: 10, zoom: 0.8...1.2),
    jitter: ColorJitter(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1), noise: 0.05,
    erasing: RandomErasing())

  @Test func strengthZeroChangesNothing() {
    var off = nothing
    #expect(changed(off, 1) == image)
    off.affine = RandomAffine()
    off.jitter = ColorJitter()
    off.noise = 0
    off.erasing = RandomErasing(probability: 0)
    #expect((0..<20).allSatisfy { changed(off, $0) == image })
    // Changes of no strength that are made all the same.
    #expect(image.withBrightness(1) == image && image.withContrast(1) == image && image.withSaturation(1) == image)
    let still = AffineMap(rotation: 0, shear: 0, zoom: 1, shift: (0, 0), width: 40, height: 30)
    #expect(image.transformed(by: still) == image)
  }

  /// What is drawn depends on the stream alone, and turning one change on leaves those before it what they were.
  @Test func oneStreamGivesOneResult() {
    let all = Self.everything
    #expect((0..<10).allSatisfy { changed(all, $0) == changed(all, $0) })
    #expect(Set((0..<10).map { changed(all, $0).pixels }).count == 10)
    let (plain, cut) = (Augmentation.standard, Augmentation.standard)
    for step in 0..<10 {
      var (first, second) = (
        RandomStream(seed: 2, purpose: "a", step: UInt64(step)), RandomStream(seed: 0, purpose: "")
      )
      second = first
      let size = ImageSize(height: 20, width: 20)
      let preprocessing = Preprocessing.torchvision(size: 20)
      var covered = cut
      covered.erasing = RandomErasing(probability: 1)
      let before = preprocessing.augmented(image, by: plain, to: size, using: &first)
      let after = preprocessing.augmented(image, by: covered, to: size, using: &second)
      let differing = zip(before.pixels, after.pixels).filter { $0 != $1 }.count
      #expect(differing > 0 && differing < 3 * 400 / 2)
    }
  }

  @Test func flipsHappenAsOftenAsAsked() {
    var augmentation = nothing
    augmentation.flipProbability = 0.5
    augmentation.verticalFlipProbability = 0.25
    let counts = (0..<2000).reduce(into: [[UInt8]: Int]()) { $0[changed(augmentation, $1).pixels, default: 0] += 1 }
    let (across, down) = (image.flippedHorizontally(), image.flippedVertically())
    for (picture, share) in [
      (image, 0.375), (across, 0.375), (down, 0.125), (across.flippedVertically(), 0.125),
    ] {
      let found = Double(counts[picture.pixels] ?? 0) / 2000
      #expect(abs(found - share) < 5 * (share * (1 - share) / 2000).squareRoot(), "\(found) instead of \(share)")
    }
  }

  @Test func mapsKeepTheirRanges() {
    let affine = RandomAffine(rotation: 30, shift: 0.2, shear: 0, zoom: 0.5...2)
    var (angles, zooms, shifts): ([Double], [Double], [Double]) = ([], [], [])
    for step in 0..<2000 {
      var random = RandomStream(seed: 3, purpose: "test", step: UInt64(step))
      let map = affine.map(width: 100, height: 50, using: &random)
      let zoom = 1 / (map.a * map.a + map.d * map.d).squareRoot()
      angles.append(atan2(-map.d, map.a) * 180 / .pi)
      zooms.append(zoom)
      // Where the centre of the picture is found in the result.
      let determinant = map.a * map.e - map.b * map.d
      shifts.append((map.e * (50 - map.c) - map.b * (25 - map.f)) / determinant - 50)
    }
    func check(_ values: [Double], _ range: ClosedRange<Double>) {
      #expect(values.allSatisfy { $0 >= range.lowerBound - 1e-9 && $0 <= range.upperBound + 1e-9 })
      let (mean, reach) = (values.reduce(0, +) / 2000, range.upperBound - range.lowerBound)
      // Five standard errors of the mean of uniform numbers.
      #expect(abs(mean - (range.lowerBound + range.upperBound) / 2) < 5 * reach / (12.0 * 2000).squareRoot())
      #expect(values.max()! - values.min()! > 0.98 * reach)
    }
    check(angles, -30...30)
    check(zooms, 0.5...2)
    check(shifts, -20...20)
  }

  @Test func erasingKeepsItsPromises() {
    let erasing = RandomErasing()
    var boxes: [CropBox] = []
    for step in 0..<2000 {
      var random = RandomStream(seed: 4, purpose: "test", step: UInt64(step))
      if let box = erasing.box(width: 224, height: 200, using: &random) { boxes.append(box) }
    }
    #expect((888...1112).contains(boxes.count), "\(boxes.count) of 2000")
    for box in boxes {
      #expect(box.lies(inWidth: 224, height: 200))
      let share = Double(box.width * box.height) / (224 * 200)
      let ratio = Double(box.height) / Double(box.width)
      #expect(share > 0.018 && share < 0.335 && ratio > 0.28 && ratio < 3.5, "\(box)")
    }
    var always = nothing
    always.erasing = RandomErasing(probability: 1)
    let covered = changed(always, 1)
    let touched = (0..<1200).filter { covered.pixels[3 * $0..<3 * $0 + 3] != image.pixels[3 * $0..<3 * $0 + 3] }
    #expect(!touched.isEmpty && touched.allSatisfy { covered.pixels[3 * $0..<3 * $0 + 3].elementsEqual([1, 2, 3]) })
  }

  /// What is covered becomes zero, or as near as 8 bits come.
  @Test(arguments: Preprocessing.Preset.allCases) func theMeanColorBecomesZero(preset: Preprocessing.Preset) throws {
    let preprocessing = Preprocessing.preset(preset, size: 8)
    let plain = DecodedImage(
      width: 8, height: 8, pixels: Array(repeating: preprocessing.meanColor, count: 64).flatMap { $0 })
    let half = preprocessing.standardDeviation.map { Float(preprocessing.scale / $0) * 0.501 }.max() ?? 0
    #expect(preprocessing(plain).scalars.allSatisfy { abs($0) <= half })
    var grey = preprocessing
    grey.channels = .grey
    (grey.mean, grey.standardDeviation) = ([0.5], [1])
    grey.scale = 1 / 255.0
    #expect(grey.meanColor == [128, 128, 128])
  }

  @Test func noiseHasItsDeviation() {
    let grey = DecodedImage(width: 100, height: 100, pixels: Array(repeating: 128, count: 30_000))
    var augmentation = nothing
    augmentation.noise = 0.1
    let values = changed(augmentation, 1, image: grey).pixels.map { Double($0) - 128 }
    let mean = values.reduce(0, +) / 30_000
    let deviation = (values.reduce(0) { $0 + $1 * $1 } / 30_000).squareRoot()
    #expect(abs(mean) < 5 * 25.5 / 30_000.0.squareRoot() && abs(deviation / 25.5 - 1) < 0.025, "\(mean), \(deviation)")
    // Black and white are cut, not wrapped.
    let black = DecodedImage(width: 10, height: 10, pixels: Array(repeating: 0, count: 300))
    #expect(changed(augmentation, 1, image: black).pixels.allSatisfy { $0 < 160 })
  }

  @Test func jitterStaysWithinItsStrengths() {
    let grey = DecodedImage(width: 2, height: 1, pixels: [100, 100, 100, 100, 100, 100])
    var augmentation = nothing
    augmentation.jitter = ColorJitter(brightness: 0.4)
    let values = (0..<1000).map { Int(changed(augmentation, $0, image: grey).pixels[0]) }
    #expect(values.allSatisfy { (60...140).contains($0) } && values.max()! > 137 && values.min()! < 63)
    // Grey has neither hue nor saturation, and one grey no contrast.
    augmentation.jitter = ColorJitter(contrast: 0.9, saturation: 0.9, hue: 0.5)
    #expect((0..<20).allSatisfy { changed(augmentation, $0, image: grey) == grey })
    // The changes are made in every order: brightness and contrast do not commute.
    augmentation.jitter = ColorJitter(brightness: 0.5, contrast: 0.5)
    #expect(Set((0..<50).map { changed(augmentation, $0).pixels }).count == 50)
  }

  @Test func survivesCoding() throws {
    let decoded = try JSONDecoder().decode(Augmentation.self, from: JSONEncoder().encode(Self.everything))
    #expect(decoded == Self.everything)
    #expect(try Self.everything.validated() == Self.everything)
  }

  @Test func impossibleValuesAreRefused() throws {
    let broken: [Augmentation] = [
      .init(ratio: 1e-300...1), .init(verticalFlipProbability: -0.1), .init(affine: RandomAffine(rotation: 181)),
      .init(affine: RandomAffine(shift: .nan)), .init(affine: RandomAffine(shear: 90)),
      .init(affine: RandomAffine(zoom: 0...1)), .init(affine: RandomAffine(zoom: 1...1000)),
      .init(affine: RandomAffine(fill: [1, 2])), .init(jitter: ColorJitter(brightness: -1)),
      .init(jitter: ColorJitter(contrast: .infinity)), .init(jitter: ColorJitter(saturation: .nan)),
      .init(jitter: ColorJitter(hue: 0.6)), .init(noise: -1), .init(noise: .nan),
      .init(erasing: RandomErasing(probability: 2)), .init(erasing: RandomErasing(scale: 0...2)),
      .init(erasing: RandomErasing(ratio: 0...1)),
    ]
    for augmentation in broken {
      let fault = try #require(throws: PreprocessingFault.self) { try augmentation.validated() }
      #expect(fault.description.hasPrefix("preprocessing: ") && !fault.description.contains("\n"))
    }
  }
}
