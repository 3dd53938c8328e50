import AviaryKernels
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryDatasets

/// The changes of RandAugment and TrivialAugment as torchvision makes them of Pillow's pictures, to the last bit.
@Suite struct ImageChangeTests {
  @Test(arguments: ["rgb.png", "rgb-420.jpg"]) func changesAsTorchvision(source: String) throws {
    let image = try DecodedImage(contentsOf: ImageGoldens.image(source))
    let rows = ImageGoldens.rows("image-changes.tsv").filter { $0[0] == source }
    #expect(rows.count == 2 * (11 * 7 + 3))
    for row in rows {
      let name = row[2].prefix(1).lowercased() + row[2].dropFirst()
      let kind = try #require(ImageChange(rawValue: name))
      let space: ImageChange.Space = row[1] == "randAugment" ? .randAugment : .trivialAugment
      let level = try #require(Int(row[3]))
      let own = kind.strength(level: level, of: 31, space, width: image.width, height: image.height)
      // PyTorch's last digit depends on the width of the processor's vectors.
      let strength = try #require(Double(row[4]))
      #expect(abs(own - strength) <= 1e-6 * abs(strength), "\(row)")
      #expect(kind.isSigned == (row.count == 7))
      #expect(ImageGoldens.crc(image.changed(kind, by: strength).pixels) == row[5], "\(row)")
      if row.count == 7 { #expect(ImageGoldens.crc(image.changed(kind, by: -strength).pixels) == row[6], "-\(row)") }
    }
  }

  @Test func changesAreDrawnFromTheWholeListAndReproducible() throws {
    let image = noise(width: 12, height: 9, seed: 5)
    func changed(_ augmentation: Augmentation, _ step: UInt64) -> DecodedImage {
      var random = RandomStream(seed: 1, purpose: "test", step: step)
      return augmentation.changed(image, using: &random)
    }
    let none = Augmentation(scale: 1...1, ratio: 1...1, flipProbability: 0)
    for part in [
      { (it: inout Augmentation) in it.randAugment = RandAugment() },
      { (it: inout Augmentation) in it.trivialAugment = TrivialAugment() },
    ] {
      var augmentation = none
      part(&augmentation)
      let results = (0..<120).map { changed(augmentation, $0) }
      #expect(Set(results.map { ImageGoldens.crc($0.pixels) }).count > 40)
      #expect(results[3] == changed(augmentation, 3))
      #expect(try augmentation == JSONDecoder().decode(Augmentation.self, from: JSONEncoder().encode(augmentation)))
    }
    #expect(throws: PreprocessingFault.self) {
      _ = try Augmentation(randAugment: RandAugment(magnitude: 31)).validated()
    }
    #expect(throws: PreprocessingFault.self) {
      _ = try Augmentation(trivialAugment: TrivialAugment(levels: 1)).validated()
    }
  }

  @Test func degenerateSizesAreChanged() {
    for (width, height) in [(1, 1), (1, 7), (3, 2)] {
      let image = noise(width: width, height: height, seed: 2)
      for kind in ImageChange.allCases {
        for strength in [-200.0, -1, 0, 0.5, 8, 90, 300] {
          let changed = image.changed(kind, by: strength)
          #expect(changed.width == width && changed.height == height)
        }
      }
    }
  }
}

/// What stands outside of moved pictures, channel shifts and normalisation by image, as SciPy and Keras have them.
@Suite struct FillModeTests {
  /// The picture of tools/goldens_preparation.py.
  private let tiny = DecodedImage(
    width: 7, height: 5,
    pixels: (0..<105).map { (i: Int) -> UInt8 in
      let value = i * 37 + i * i * 11
      return UInt8(value % 256)
    })

  private func bytes(_ hex: some StringProtocol) -> [UInt8] {
    stride(from: 0, to: hex.count, by: 2).compactMap {
      UInt8(hex.dropFirst($0).prefix(2), radix: 16)
    }
  }

  @Test(arguments: ImageGoldens.rows("fill-modes.tsv")) func extendsAsSciPy(row: [String]) throws {
    let mode = try #require(FillMode(rawValue: row[0]))
    let numbers = row[1...6].compactMap(Double.init)
    let map = AffineMap(a: numbers[0], b: numbers[1], c: numbers[2], d: numbers[3], e: numbers[4], f: numbers[5])
    let (found, expected) = (tiny.transformed(by: map, extending: mode).pixels, bytes(row[7]))
    #expect(found.count == expected.count)
    // A half may be rounded either way.
    let differences = zip(found, expected).map { abs(Int($0) - Int($1)) }
    #expect(differences.max() ?? 9 <= 1 && differences.count { $0 > 0 } <= 6, "\(row[0]): \(differences)")
  }

  private struct Golden: Decodable {
    let shifts: [String: String]
    let normalised: [String: [Double]]
  }

  private func golden() throws -> Golden {
    try JSONDecoder().decode(
      Golden.self, from: Data(contentsOf: URL(filePath: ImageGoldens.folder + "/keras-images.json")))
  }

  @Test func shiftsChannelsAsKeras() throws {
    let shifts = try golden().shifts
    #expect(shifts.count == 4)
    for (intensity, hex) in shifts {
      #expect(tiny.withChannelsShifted(by: try #require(Double(intensity))).pixels == bytes(hex), "\(intensity)")
    }
  }

  @Test(arguments: Preprocessing.Samplewise.allCases) func normalisesByImageAsKeras(way: Preprocessing.Samplewise)
    throws
  {
    let expected = try #require(try golden().normalised[way.rawValue])
    let preprocessing = Preprocessing(
      resize: .none, scale: 1 / 255, mean: [0.4, 0.5, 0.6], standardDeviation: [0.2, 0.3, 0.4]
    ).normalizingEach(way)
    let found = preprocessing.tensor(of: [tiny]).scalars
    for pixel in 0..<35 {
      for channel in 0..<3 {
        #expect(abs(Double(found[channel * 35 + pixel]) - expected[pixel * 3 + channel]) < 1e-5)
      }
    }
    let stored = try JSONDecoder().decode(Preprocessing.self, from: JSONEncoder().encode(preprocessing))
    #expect(stored == preprocessing && stored.samplewise == way)
    // Two images of a batch are normalised each by itself.
    let both = preprocessing.tensor(of: [noise(width: 7, height: 5, seed: 1), tiny]).scalars
    #expect(Array(both.suffix(105)) == found)
  }

  /// What random erasing covers is zero to the network, also where each image is normalised by itself.
  @Test(arguments: Preprocessing.Samplewise.allCases, [Preprocessing.Channels.rgb, .grey])
  func erasedPartsAreZeroInImagesThatAreNormalisedByThemselves(
    way: Preprocessing.Samplewise, channels: Preprocessing.Channels
  ) throws {
    let size = ImageSize(height: 24, width: 24)
    let preprocessing = Preprocessing(
      resize: .exact(size), channels: channels, scale: 1 / 255, mean: channels == .grey ? [0.4] : [0.4, 0.4, 0.4],
      standardDeviation: channels == .grey ? [0.2] : [0.2, 0.2, 0.2]
    ).normalizingEach(way)
    let erasing = RandomErasing(probability: 1, scale: 0.2...0.3)
    let augmentation = Augmentation(scale: 1...1, ratio: 1...1, flipProbability: 0, erasing: erasing)
    var plain = augmentation
    plain.erasing = nil
    let image = noise(width: 24, height: 24, seed: 5)
    func result(_ augmentation: Augmentation) -> [Float] {
      var random = RandomStream(seed: 8, purpose: "test")
      let changed = preprocessing.augmented(image, by: augmentation, to: size, using: &random)
      return preprocessing.tensor(of: [changed]).scalars
    }
    let (found, before) = (result(augmentation), result(plain))
    // Nothing but noise was as it is now by chance: the rectangle has one value.
    let counts = Dictionary(grouping: found) { $0 }.mapValues(\.count)
    let (value, count) = try #require(counts.max { $0.value < $1.value })
    #expect(count >= found.count / 6 && before.count == found.count)
    #expect(abs(value) < (way == .center ? 0.5 / 255 : 0.02) + 1e-6, "half a level of 255: \(value)")
  }

  @Test func shiftsApplyToTheirAxes() {
    let image = noise(width: 20, height: 20, seed: 4)
    for (affine, isAcross) in [
      (RandomAffine(widthShift: 0.5, heightShift: 0, fillMode: .nearest), true),
      (RandomAffine(shift: 0.5, widthShift: 0, fillMode: .nearest), false),
    ] {
      var random = RandomStream(seed: 3, purpose: "test")
      let map = affine.map(width: 20, height: 20, using: &random)
      #expect((map.c != 0) == isAcross && (map.f != 0) == !isAcross)
      var again = RandomStream(seed: 3, purpose: "test")
      #expect(affine.applied(to: image, using: &again) == image.transformed(by: map, extending: .nearest))
    }
    #expect(throws: PreprocessingFault.self) { try RandomAffine(heightShift: 2).validate() }
  }

  @Test func olderFilesAreRead() throws {
    let old = #"{"rotation":5,"shift":0.1,"shear":0,"zoom":[1,1],"fill":[0,0,0]}"#
    let affine = try JSONDecoder().decode(RandomAffine.self, from: Data(old.utf8))
    #expect(affine == RandomAffine(rotation: 5, shift: 0.1))
    #expect(
      String(decoding: try JSONEncoder().encode(Preprocessing.torchvision()), as: UTF8.self).contains("samplewise")
        == false)
  }
}
