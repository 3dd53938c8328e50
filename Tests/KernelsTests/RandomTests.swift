import AviaryKernels
import AviaryTestSupport
import CKernels
import Foundation
import Testing

@Suite struct RandomTests {
  /// The known answers of Random123 (Salmon et al., file kat_vectors, philox4x32 10).
  @Test func philoxGivesTheKnownAnswers() {
    #expect(
      RandomStream.philox(counter: SIMD4(repeating: 0), key: SIMD2(repeating: 0))
        == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      RandomStream.philox(counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max))
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      RandomStream.philox(
        counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: SIMD2(0xa409_3822, 0x299f_31d0))
        == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  static let stream = RandomStream(seed: 7, purpose: "test", path: "layer.0", step: 0x1_2345_6789)
  /// About a chunk, and more than a thread's share.
  static let counts = [1, 3, 63, 64, 65, 1000, 70_001]

  /// The C kernels draw the words of the scalar stream.
  @Test(arguments: counts) func uniformKernelDrawsTheStream(count: Int) {
    var stream = Self.stream
    let expected = (0..<count).map { _ in stream.uniform() }
    var y = [Float](repeating: -1, count: count)
    ak_random_uniform(&y, 0, 1, Self.stream.key, Self.stream.step, count)
    #expect(y == expected)
    ak_random_uniform(&y, -2, 3, Self.stream.key, Self.stream.step, count)
    // A multiplication fused with an addition rounds once.
    #expect(zip(y, expected).allSatisfy { abs($0 - ($1 * 5 - 2)) <= 1e-6 })
  }

  @Test(arguments: counts) func normalKernelIsBoxAndMuller(count: Int) {
    var stream = Self.stream
    var y = [Float](repeating: -1, count: count)
    ak_random_normal(&y, 0.5, 2, Self.stream.key, Self.stream.step, count)
    for i in stride(from: 0, to: count, by: 2) {
      let radius = (-2 * log(1 - Double(stream.uniform()))).squareRoot()
      let angle = 2 * Double.pi * Double(stream.uniform())
      #expect(abs(Double(y[i]) - (0.5 + 2 * radius * cos(angle))) < 1e-4)
      if i + 1 < count { #expect(abs(Double(y[i + 1]) - (0.5 + 2 * radius * sin(angle))) < 1e-4) }
    }
  }

  @Test func normalNumbersHaveTheMomentsOfANormalDistribution() {
    let count = 200_000
    var y = [Float](repeating: 0, count: count)
    ak_random_normal(&y, 0, 1, Self.stream.key, 0, count)
    func moment(_ power: Double) -> Double { y.reduce(0) { $0 + pow(Double($1), power) } / Double(count) }
    #expect(abs(moment(1)) < 0.015 && abs(moment(2) - 1) < 0.02)
    #expect(abs(moment(3)) < 0.06 && abs(moment(4) - 3) < 0.15)
  }

  @Test(arguments: counts) func dropoutKernelDrawsTheStream(count: Int) {
    var stream = Self.stream
    var numbers = TestNumbers(seed: 1)
    let x = numbers.floats(count)
    let expected = x.map { stream.uniform() >= 0.3 ? $0 * (1 / (1 - 0.3)) : 0 }
    var y = [Float](repeating: -1, count: count)
    ak_dropout(x, &y, 0.3, Self.stream.key, Self.stream.step, count)
    #expect(y == expected)
  }

  @Test(arguments: [1, 4, 62, 64, 1001]) func dropoutOfAPartDrawsItsPlaceInTheWhole(first: Int) {
    var numbers = TestNumbers(seed: 1)
    let x = numbers.floats(first + 333)
    var (whole, part) = (x, [Float](repeating: -1, count: 333))
    ak_dropout(x, &whole, 0.3, Self.stream.key, Self.stream.step, x.count)
    ak_dropout_from(UInt64(first), Array(x[first...]), &part, 0.3, Self.stream.key, Self.stream.step, 333)
    #expect(part == Array(whole[first...]))
  }

  /// The same elements fall in a layout blocked by channels as in the row-major one: planes that end within a counter's
  /// words and with them, channels that fill blocks and that do not.
  @Test(arguments: [(2, 16, 9), (3, 24, 8), (1, 5, 49), (2, 32, 2500), (4, 33, 3), (5, 8, 1)], [8, 16])
  func blockedDropoutDrawsTheStream(shape: (images: Int, channels: Int, positions: Int), block: Int) {
    let (images, channels, positions) = shape
    var numbers = TestNumbers(seed: 1)
    let x = numbers.floats(images * channels * positions)
    var expected = x
    ak_dropout(x, &expected, 0.3, Self.stream.key, Self.stream.step, x.count)

    let groups = (channels + block - 1) / block
    func place(_ i: Int) -> Int {
      let (image, channel, position) = (i / positions / channels, i / positions % channels, i % positions)
      return ((image * groups + channel / block) * positions + position) * block + channel % block
    }
    var blocked = [Float](repeating: 0, count: images * groups * positions * block)
    for i in x.indices { blocked[place(i)] = x[i] }
    var y = [Float](repeating: -1, count: blocked.count)
    ak_dropout_blocked(
      blocked, &y, 0.3, Self.stream.key, Self.stream.step, images, channels, positions, block)
    #expect(x.indices.allSatisfy { y[place($0)] == expected[$0] })
    #expect(Set(y.indices).subtracting(x.indices.map(place)).allSatisfy { y[$0] == 0 })
  }

  /// The number of threads does not show in random numbers.
  @Test func teamSizeDoesNotShow() {
    let draws = [Int32(1), 2, 3].map { threads -> [Float] in
      let before = ak_threads()
      ak_set_threads(threads)
      defer { ak_set_threads(before) }
      var y = [Float](repeating: 0, count: 100_003)
      ak_random_normal(&y, 0, 1, 1, 2, y.count)
      return y
    }
    #expect(draws[0] == draws[1] && draws[1] == draws[2])
  }

  @Test func streamsAreToldApart() {
    func first(_ stream: RandomStream) -> UInt64 {
      var stream = stream
      return stream.next()
    }
    let values = [
      RandomStream(seed: 1, purpose: "a"), RandomStream(seed: 2, purpose: "a"), RandomStream(seed: 1, purpose: "b"),
      RandomStream(seed: 1, purpose: "a", path: "p"), RandomStream(seed: 1, purpose: "a", step: 1),
      RandomStream(seed: 1, purpose: "ap"), RandomStream(seed: 1, purpose: "a", step: 1 << 32),
    ].map(first)
    #expect(Set(values).count == values.count)
    #expect(first(RandomStream(seed: 1, purpose: "a")) == values[0])
  }

  @Test func permutationsArePermutations() {
    var stream = Self.stream
    let order = stream.permutation(1000)
    #expect(order.sorted() == Array(0..<1000) && order != Array(0..<1000))
    #expect(stream.permutation(1000) != order && stream.permutation(0).isEmpty)
    #expect((0..<1000).allSatisfy { _ in (0..<7).contains(stream.integer(below: 7)) })
  }
}
