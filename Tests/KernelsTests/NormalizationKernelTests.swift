import AviaryTestSupport
import CKernels
import Foundation
import Testing

/// The kernels of normalisations against plain Swift in double precision.
@Suite struct NormalizationKernelTests {
  @Test(arguments: [(40, 1, 37, 1), (6, 3, 2, 35), (50, 2, 1, 9)]) func rows(
    rows: Int, groups: Int, channels: Int, run: Int
  ) {
    let shape = ak_rows(rows: rows, groups: groups, channels: channels, run: run)
    let count = channels * run
    var numbers = TestNumbers(seed: 1)
    // Far from zero: sums in single precision would not do.
    let x = numbers.floats(rows * count, from: 99, to: 101)
    let dy = numbers.floats(rows * count)
    let (scale, shift) = (numbers.floats(groups * channels, from: 0.5, to: 1.5), numbers.floats(groups * channels))
    var (y, dx, mean, inverse) = (x, x, [Float](repeating: .nan, count: rows), [Float](repeating: .nan, count: rows))
    var (dScale, dShift) = (scale, shift)
    ak_normalize_rows(shape, x, scale, shift, 1e-5, &y, &mean, &inverse)
    ak_normalize_rows_backward(shape, dy, x, scale, mean, inverse, &dx, &dScale, &dShift)

    var (expectedY, expectedDx) = ([Double](), [Double]())
    var (scales, shifts) = (scale.map { _ in 0.0 }, scale.map { _ in 0.0 })
    for row in 0..<rows {
      let elements = row * count..<(row + 1) * count
      let values = x[elements].map(Double.init)
      let m = values.reduce(0, +) / Double(count)
      let v = values.reduce(0) { $0 + ($1 - m) * ($1 - m) } / Double(count)
      let normalized = values.map { ($0 - m) / (v + 1e-5).squareRoot() }
      let channel = (0..<count).map { row % groups * channels + $0 / run }
      let g = elements.enumerated().map { Double(dy[$0.element]) * Double(scale[channel[$0.offset]]) }
      let (a, b) = (
        g.reduce(0, +) / Double(count), zip(g, normalized).reduce(0) { $0 + $1.0 * $1.1 } / Double(count)
      )
      for i in 0..<count {
        expectedY.append(normalized[i] * Double(scale[channel[i]]) + Double(shift[channel[i]]))
        expectedDx.append((g[i] - a - normalized[i] * b) / (v + 1e-5).squareRoot())
        scales[channel[i]] += Double(dy[row * count + i]) * normalized[i]
        shifts[channel[i]] += Double(dy[row * count + i])
      }
    }
    expectClose(actual: y, expected: expectedY, relativeL2: 2e-5, relativeMax: 2e-5, name: "result")
    expectClose(actual: dx, expected: expectedDx, relativeL2: 2e-5, relativeMax: 2e-5, name: "gradient")
    expectClose(actual: dScale, expected: scales, relativeL2: 2e-5, relativeMax: 2e-5, name: "gradient of the scale")
    expectClose(actual: dShift, expected: shifts, relativeL2: 2e-6, relativeMax: 2e-6, name: "gradient of the shift")
  }

  @Test(arguments: [(2, 7, 100, 5), (1, 5, 3, 4), (20, 2, 65, 7)]) func responses(
    images: Int, channels: Int, positions: Int, size: Int
  ) {
    let shape = ak_response(
      images: images, channels: channels, positions: positions, size: size, alpha: 1.5, beta: 0.75, k: 0.5)
    var numbers = TestNumbers(seed: 2)
    let count = images * channels * positions
    let (x, dy) = (numbers.floats(count, from: -2, to: 2), numbers.floats(count))
    var (base, y, dx) = (x, x, x)
    ak_response_norm(shape, x, &base, &y)
    ak_response_norm_backward(shape, dy, x, base, &dx)
    func index(_ n: Int, _ c: Int, _ i: Int) -> Int { (n * channels + c) * positions + i }
    var (expectedY, expectedDx) = (x.map { _ in 0.0 }, x.map { _ in 0.0 })
    for n in 0..<images {
      for i in 0..<positions {
        for c in 0..<channels {
          let window = max(0, c - size / 2)...min(channels - 1, c + (size - 1) / 2)
          let sum = window.reduce(0.0) { $0 + pow(Double(x[index(n, $1, i)]), 2) }
          let base = 0.5 + 1.5 / Double(size) * sum
          let (own, gradient) = (Double(x[index(n, c, i)]), Double(dy[index(n, c, i)]))
          expectedY[index(n, c, i)] = own * pow(base, -0.75)
          expectedDx[index(n, c, i)] += gradient * pow(base, -0.75)
          for j in window {
            expectedDx[index(n, j, i)] -=
              gradient * own * 0.75 * pow(base, -1.75) * 1.5 / Double(size) * 2 * Double(x[index(n, j, i)])
          }
        }
      }
    }
    expectClose(actual: y, expected: expectedY, relativeL2: 1e-6, relativeMax: 1e-6, name: "result")
    expectClose(actual: dx, expected: expectedDx, relativeL2: 1e-6, relativeMax: 1e-6, name: "gradient")
  }

  /// Row-major, channels last and blocked, with parts of many images and of many positions; the padding is not looked at.
  @Test(arguments: [1, 8, 16, 37], [(3, 37, 5000), (50, 37, 100), (2100, 37, 1), (1, 37, 3)])
  func statisticsOfChannels(lanes: Int, size: (images: Int, channels: Int, positions: Int)) {
    let shape = ak_channels(images: size.images, channels: size.channels, positions: size.positions, lanes: lanes)
    let blocks = (size.channels + lanes - 1) / lanes
    var numbers = TestNumbers(seed: 4)
    // A channel's mean is up to 37,000 times its deviation.
    let values = numbers.floats(size.images * size.channels * size.positions)
    var x = [Float](repeating: .nan, count: size.images * blocks * size.positions * lanes)
    var (means, variances) = ([Double](), [Double]())
    for channel in 0..<size.channels {
      var own: [Double] = []
      for image in 0..<size.images {
        for position in 0..<size.positions {
          let value = values[(image * size.channels + channel) * size.positions + position] + Float(channel * 1000)
          own.append(Double(value))
          x[((image * blocks + channel / lanes) * size.positions + position) * lanes + channel % lanes] = value
        }
      }
      let mean = own.reduce(0, +) / Double(own.count)
      means.append(mean)
      variances.append(own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(own.count))
    }
    var (mean, variance) = ([Float](repeating: .nan, count: 37), [Float](repeating: .nan, count: 37))
    var scratch = [Double](repeating: .nan, count: ak_channel_statistics_scratch(shape))
    ak_channel_statistics(shape, x, &mean, &variance, &scratch)
    expectClose(actual: mean, expected: means, relativeL2: 1e-7, relativeMax: 1e-7, name: "mean")
    expectClose(actual: variance, expected: variances, relativeL2: 1e-7, relativeMax: 2e-7, name: "variance")
  }

  @Test func blocks() {
    // Two planes of 3 × 4; blocks of 2 begin at two rows of three places.
    let seeds: [Float] = [0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.05, 0.9, 0.9, 0.9, 0.2, 0.9]
    var mask = [Float](repeating: .nan, count: 24)
    let kept = ak_drop_blocks(seeds, 0.3, &mask, 2, 3, 4, 2)
    #expect(mask == [1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1] + [0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 1])
    #expect(kept == 13)
  }
}
