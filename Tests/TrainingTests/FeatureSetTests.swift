import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

@Suite struct FeatureSetTests {
  let photographs: Photographs
  let preprocessing = Preprocessing.unit(size: 32)

  init() throws { photographs = try Photographs() }

  func withModel(_ body: (any Classifier) throws -> Void) throws {
    let model = try Registry.zoo.architecture(named: "squeezenet-toy").buildClassifier().replacingHead(
      classes: 2, seed: 0)
    model.initialize(seed: 1)
    try body(model)
  }

  @Test func theyAreWhatTheHeadIsGiven() throws {
    try withModel { model in
      let entries = try photographs.training().entries
      func check(_ model: some Classifier) throws {
        let features = try FeatureSet.compute(model, entries, preprocessing: preprocessing, workers: 2)
        #expect(features.count == 32 && features.width == 64 && features.skipped.isEmpty)
        #expect(features.indices == Array(0..<32) && features.labels == entries.map { Int32($0.label) })
        let images = try ImageBatches(entries, preprocessing: preprocessing, batchSize: 32)
        let batch = try #require(images.next())
        let own = features.batch([3, 0, 31])
        #expect(own.labels.scalars == [0, 0, 1])
        let logits = model(batch.inputs).scalars.map { Double($0) }
        let expected: [Double] = [3, 0, 31].flatMap { logits[2 * $0..<2 * $0 + 2] }
        expectClose(actual: try model.head(#require(own.inputs)).scalars, expected: expected)
      }
      try check(model)
    }
  }

  /// An image has the same features, bit for bit, whichever images are computed with it.
  @Test func theyDependOnNoOtherImage() throws {
    try withModel { model in
      let entries = try photographs.training().entries
      func check(_ model: some Classifier) throws {
        let all = try FeatureSet.compute(model, entries, preprocessing: preprocessing, workers: 1)
        let width = all.width
        let choices: [[Int]] = [[5], [31, 2, 7], Array(0..<20)]
        for places in choices {
          let some = try FeatureSet.compute(
            model, places.map { entries[$0] }, preprocessing: preprocessing, workers: 1)
          let expected: [Float] = places.flatMap { all.scalars[$0 * width..<($0 + 1) * width] }
          #expect(some.count == places.count && some.width == width)
          #expect(some.scalars == expected)
        }
      }
      try check(model)
    }
  }

  /// The features of the first images, and whether they had to be computed.
  func cached(_ model: some Classifier, _ entries: [ImageEntry], _ preprocessing: Preprocessing? = nil) throws -> (
    features: FeatureSet, computed: Bool, said: [String]
  ) {
    var computed = false
    var said: [String] = []
    let features = try FeatureCache(folder: photographs.root) { said.append($0) }.features(
      "training", model, entries, preprocessing: preprocessing ?? self.preprocessing, workers: 1
    ) { _ in computed = true }
    return (features, computed, said)
  }

  @Test func theCacheGivesTheSame() throws {
    try withModel { model in
      let broken = try photographs.damage()
      let entries = try photographs.training().entries
      let first = try cached(model, entries)
      let second = try cached(model, entries)
      #expect(first.computed && !second.computed)
      #expect(second.features.scalars == first.features.scalars && second.features.labels == first.features.labels)
      #expect(second.features.indices == first.features.indices && first.features.indices == Array(1..<32))
      #expect(second.features.width == 64 && second.features.skipped == first.features.skipped)
      #expect(first.features.skipped.map(\.path) == [broken])
      #expect(first.features.skipped.first?.reason.hasPrefix(broken) == true)
    }
  }

  @Test func whatFeaturesDependOnIsInTheKey() throws {
    try withModel { model in
      var entries = Array(try photographs.training().entries.prefix(4))
      func recomputes(_ preprocessing: Preprocessing? = nil) throws -> Bool {
        let result = try cached(model, entries, preprocessing)
        return result.computed
      }
      #expect(try recomputes())
      #expect(try !recomputes())
      let head = try #require(model.parameters.last)
      head.assign(head.tensor + 1)
      #expect(try !recomputes(), "the head does not matter")
      let weight = try #require(model.parameters.first)
      weight.assign(weight.tensor * 1.001)
      #expect(try recomputes(), "the backbone does")
      #expect(try recomputes(.raw(size: 32)))
      #expect(try recomputes())
      entries.removeLast()
      #expect(try recomputes(), "one image less")
      entries[0].label = 1
      #expect(try recomputes(), "another label")
      entries.swapAt(0, 1)
      #expect(try recomputes(), "another order")
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1_000_000)], ofItemAtPath: entries[0].path)
      #expect(try recomputes(), "another date")
      #expect(try !recomputes())
    }
  }

  @Test func aDamagedCacheIsComputedAgain() throws {
    try withModel { model in
      let entries = Array(try photographs.training().entries.prefix(4))
      let path = photographs.root + "/features-training.h5"
      let expected = try cached(model, entries).features
      let whole = try FeatureFile(from: path)
      #expect(whole.labels == [0, 0, 0, 0] && whole.width == 64 && whole.features == expected.scalars)
      for indices: [Int64] in [[0, 1, 2, 9], [0, 1, 2, -1], [0, 1, 1, 2]] {
        var damaged = whole
        damaged.indices = indices
        try damaged.write(to: path)
        let found = try cached(model, entries)
        #expect(found.computed && found.features.scalars == expected.scalars)
        #expect(found.said == ["\(path): its indices are not those of the images; the features are computed again"])
      }
      var bytes = try Data(contentsOf: URL(filePath: path))
      bytes[bytes.count / 2] ^= 1
      for damaged in [bytes, Data("nothing".utf8)] {
        try damaged.write(to: URL(filePath: path))
        let found = try cached(model, entries)
        #expect(found.features.scalars == expected.scalars)
        #expect(!found.computed || found.said.first?.hasSuffix("; the features are computed again") == true)
      }
      #expect(try !cached(model, entries).computed)
    }
  }

  /// Aviary 0.1 kept features in a checkpoint.
  @Test func aCacheOfTheFirstVersionIsComputedAgain() throws {
    try withModel { model in
      let entries = Array(try photographs.training().entries.prefix(4))
      let path = photographs.root + "/features-training.h5"
      try FileManager.default.copyItem(
        at: Goldens.url("version-0.1/features-training.h5", of: "TrainingTests"), to: URL(filePath: path))
      let found = try cached(model, entries)
      #expect(found.computed)
      #expect(
        found.said == [
          "\(path): its format is 'aviary', not 'aviary features'; the features are computed again"
        ])
      #expect(try !cached(model, entries).computed)
    }
  }
}
