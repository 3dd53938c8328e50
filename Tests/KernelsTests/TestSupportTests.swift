import AviaryTestSupport
import Foundation
import Testing

/// The tools the other tests rely on can fail.
@Suite struct TestSupportTests {
  @Test func expectCloseHoldsWithinItsTolerancesOnly() {
    #expect(expectClose(actual: [1, 2.00001], expected: [1, 2]))
    withKnownIssue { expectClose(actual: [1, 2.02], expected: [1, 2]) }
    withKnownIssue { expectClose(actual: [1, .nan], expected: [1, 2]) }
    withKnownIssue { expectClose(actual: [1], expected: [1, 2]) }
    withKnownIssue { expectClose(actual: [1e-9], expected: [0]) }
    #expect(expectClose(actual: [1e-9], expected: [0], absolute: 1e-8))
  }

  @Test func oneBadElementAmongManyFails() {
    var actual = [Float](repeating: 1, count: 1_000_000)
    actual[77] = 1.0002  // ‖a − b‖₂ is 2e-7 of ‖b‖₂; only the largest difference sees it.
    let closeness = Closeness(actual: actual, expected: .init(repeating: 1, count: 1_000_000))
    #expect(closeness.worstIndex == 77)
    #expect(!closeness.isWithin(relativeL2: 1e-5, relativeMax: 1e-4))
  }

  @Test func goldensAreRead() throws {
    let goldens = try Goldens("operators", of: "TensorsTests")
    let cases = try goldens.cases(of: "conv2d")
    #expect(cases.count == 20)
    let stem = try #require(cases.first { $0.name == "conv2d/7x7-s2-p3-stem" })
    #expect(try stem.integer("stride") == 2 && stem.integer("padding") == 3)
    #expect(try stem.array("x").shape == [1, 3, 21, 22])
    #expect(try stem.array("x").values.count == 3 * 21 * 22)
    #expect(stem.optionalArray("bias") == nil)
    let norm = try #require(try goldens.cases(of: "batch_norm").first { $0.name == "batch_norm/1d-training" })
    #expect(try norm.flag("training") && norm.number("eps") == 1e-5)
    let loss = try #require(try goldens.cases(of: "cross_entropy").first)
    #expect(try loss.array("target").integers.count == loss.array("input").shape[0])
    #expect(try loss.array("y").shape == [])
    #expect(throws: GoldenFault.self) { try goldens.cases(of: "no-such-operator") }
    #expect(throws: GoldenFault.self) { try goldens.array("no-such-array") }
  }

  /// A relu is simple enough to be computed here: values, and their order, arrive as PyTorch wrote them.
  @Test func goldenValuesAreThoseOfAReLU() throws {
    for golden in try Goldens("operators", of: "TensorsTests").cases(of: "relu") {
      let x = try golden.array("x")
      expectClose(
        actual: x.floats.map { max($0, 0) }, shape: x.shape, golden: try golden.array("y"), relativeL2: 0,
        relativeMax: 0, name: golden.name)
    }
  }

  @Test func formulaIsThatOfTheScript() throws {
    // What formula_array([4], 3, 1.0) of tools/goldens_store.py returns.
    let expected: [Float] = [0.8701521158218384, -0.3914491534233093, 0.833967924118042, -0.8745846152305603]
    #expect(Goldens.formula(count: 4, k: 3, scale: 1) == expected)
    #expect(Goldens.formula(count: 1, k: 3, scale: 0.5, offset: 1) == [1.4350761])
  }

  @Test(
    arguments: [
      [], [1, 0, 0, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d, 0], [255, 255, 255, 255, 255, 255, 255, 255],
    ] as [[UInt8]])
  func brokenGoldensAreRefused(bytes: [UInt8]) throws {
    try expectMalformed(bytes)
  }

  @Test(arguments: [
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#,
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
    #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, #"{"a":{"dtype":"F32","shape":[1]}}"#,
    #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#,
  ])
  func brokenHeadersAreRefused(header: String) throws {
    try expectMalformed([UInt8(header.utf8.count), 0, 0, 0, 0, 0, 0, 0] + [UInt8](header.utf8) + [0, 0, 0, 0])
  }

  @Test func numbersAreThoseOfSplitMix64() {
    var numbers = TestNumbers(seed: 1_234_567)
    #expect(
      (0..<3).map { _ in numbers.next() } == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      ])
    #expect(numbers.floatsAwayFromZero(1000).allSatisfy { abs($0) >= 0.1 && abs($0) <= 1 })
  }

  private func expectMalformed(_ bytes: [UInt8]) throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("golden-\(UUID().uuidString).safetensors")
    try Data(bytes).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    #expect {
      try Goldens(path: url.path)
    } throws: {
      if case GoldenFault.malformed = $0 { true } else { false }
    }
  }
}
