import AviaryTestSupport
import CKernels
import Testing

/// The pools over tables of windows against plain Swift.
@Suite struct WindowPoolTests {
  /// Sizes of the axes, and for each axis its windows, which may overlap, skip and differ.
  static let cases: [(sizes: [Int], windows: [[Range<Int>]])] = [
    ([1, 1, 7], [[0..<1], [0..<1], [0..<3, 2..<5, 6..<7]]),
    ([1, 5, 6], [[0..<1], [0..<2, 1..<5, 3..<4], [0..<6, 2..<3]]),
    ([3, 4, 5], [[0..<2, 2..<3], [1..<4], [0..<5, 0..<1, 3..<5]]),
    ([2, 1, 33], [[0..<2], [0..<1], [0..<33, 5..<20]]),
  ]

  private func positions(_ windows: [[Range<Int>]], _ sizes: [Int]) -> [[Int]] {
    windows[0].flatMap { a in
      windows[1].flatMap { b in
        windows[2].map { c in
          a.flatMap { i in b.flatMap { j in c.map { k in (i * sizes[1] + j) * sizes[2] + k } } }
        }
      }
    }
  }

  @Test(arguments: cases, [1, 5, 300]) func equalsTheReference(
    _ pool: (sizes: [Int], windows: [[Range<Int>]]), planes: Int
  ) {
    let size = pool.sizes.reduce(1, *)
    let cells = positions(pool.windows, pool.sizes)
    var numbers = TestNumbers(seed: UInt64(planes))
    let (x, dy) = (numbers.floats(planes * size), numbers.floats(planes * cells.count))
    let (sizes, counts) = (pool.sizes.map(Int64.init), pool.windows.map { Int64($0.count) })
    let starts = pool.windows.joined().map { Int32($0.lowerBound) }
    let ends = pool.windows.joined().map { Int32($0.upperBound) }
    for kind in [AK_POOL_MAX, AK_POOL_MIN, AK_POOL_MEAN] {
      var (y, dx) = ([Float](repeating: .nan, count: dy.count), [Float](repeating: .nan, count: x.count))
      ak_window_pool(kind, x, &y, Int64(planes), sizes, counts, starts, ends)
      ak_window_pool_backward(kind, dy, x, &dx, Int64(planes), sizes, counts, starts, ends)
      var expected = [Float](repeating: 0, count: x.count)
      for plane in 0..<planes {
        for (cell, window) in cells.enumerated() {
          let at = window.map { plane * size + $0 }
          let (result, gradient) = (y[plane * cells.count + cell], dy[plane * cells.count + cell])
          if kind == AK_POOL_MEAN {
            #expect(abs(result - at.reduce(0) { $0 + x[$1] } / Float(at.count)) < 1e-6)
            for position in at { expected[position] += gradient / Float(at.count) }
          } else {
            let best = kind == AK_POOL_MAX ? at.max { x[$0] < x[$1] }! : at.min { x[$0] < x[$1] }!
            #expect(result == x[best])
            expected[best] += gradient
          }
        }
      }
      #expect(zip(dx, expected).allSatisfy { abs($0 - $1) < 1e-6 })
    }
  }

  @Test func theFirstOfEqualsAndWhatIsNoNumberWin() {
    var (y, dx) = ([Float](repeating: 0, count: 2), [Float](repeating: 0, count: 6))
    let x: [Float] = [1, 3, 3, 2, .nan, 9]
    for kind in [AK_POOL_MAX, AK_POOL_MIN] {
      ak_window_pool(kind, x, &y, 1, [1, 1, 6], [1, 1, 2], [0, 0, 1, 3], [1, 1, 3, 6])
      ak_window_pool_backward(kind, [1, 2], x, &dx, 1, [1, 1, 6], [1, 1, 2], [0, 0, 1, 3], [1, 1, 3, 6])
      #expect(y[0] == 3 && y[1].isNaN)
      #expect(dx == [0, 1, 0, 0, 2, 0])
    }
  }
}
