import AviaryTestSupport
import CKernels
import Testing

/// Products of whole channels with factors, in every way in which channels lie.
@Suite struct ChannelScalingTests {
  private static let sizes: [(images: Int, channels: Int, positions: Int)] = [
    (2, 3, 5), (1, 16, 7), (3, 19, 4), (2, 40, 33),
  ]

  /// Where a channel's element lies.
  private static func place(_ shape: ak_channels, _ image: Int, _ channel: Int, _ position: Int) -> Int {
    let blocks = (shape.channels + shape.lanes - 1) / shape.lanes
    return ((image * blocks + channel / shape.lanes) * shape.positions + position) * shape.lanes
      + channel % shape.lanes
  }

  @Test(arguments: [1, 8, 16, 0], sizes)
  func everyChannelHasItsFactor(lanes: Int, size: (images: Int, channels: Int, positions: Int)) {
    let shape = ak_channels(
      images: size.images, channels: size.channels, positions: size.positions, lanes: lanes == 0 ? size.channels : lanes
    )
    let count = size.images * ((shape.channels + shape.lanes - 1) / shape.lanes) * shape.positions * shape.lanes
    var numbers = TestNumbers(seed: 1)
    let (values, others) = (numbers.floats(count), numbers.floats(count))
    // What fills up the last block is zero.
    var (x, dy) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
    for image in 0..<size.images {
      for channel in 0..<size.channels {
        for position in 0..<size.positions {
          let place = Self.place(shape, image, channel, position)
          (x[place], dy[place]) = (values[place], others[place])
        }
      }
    }
    for (imageStep, channelStep) in [(size.channels, 1), (0, 1), (1, 0), (0, 0)] {
      let factors = numbers.floats(size.images * size.channels)
      var y = [Float](repeating: .nan, count: count)
      ak_scale_channels(shape, x, factors, imageStep, channelStep, &y)
      var expected = [Float](repeating: 0, count: count)
      for image in 0..<size.images {
        for channel in 0..<size.channels {
          for position in 0..<size.positions {
            let place = Self.place(shape, image, channel, position)
            expected[place] = x[place] * factors[image * imageStep + channel * channelStep]
          }
        }
      }
      #expect(y == expected)
    }
    for relu in [false, true] {
      let (factors, offsets) = (numbers.floats(size.channels), numbers.floats(size.channels))
      x[0] = .nan
      var y = [Float](repeating: 7, count: count)
      ak_normalize_channels(shape, x, factors, offsets, relu, &y)
      #expect(y[0].isNaN)
      (x[0], y[0]) = (values[0], 0)
      var expected = [Double](repeating: 0, count: count)
      for image in 0..<size.images {
        for channel in 0..<size.channels {
          for position in 0..<size.positions {
            let place = Self.place(shape, image, channel, position)
            let value = Double(x[place]) * Double(factors[channel]) + Double(offsets[channel])
            expected[place] = relu ? max(value, 0) : value
          }
        }
      }
      expected[0] = 0
      expectClose(actual: y, expected: expected)
    }
    var sums = [Float](repeating: .nan, count: size.images * size.channels)
    ak_channel_products(shape, x, dy, &sums)
    let expected = (0..<size.images * size.channels).map { index in
      (0..<size.positions).reduce(0.0) { sum, position in
        let place = Self.place(shape, index / size.channels, index % size.channels, position)
        return sum + Double(x[place]) * Double(dy[place])
      }
    }
    expectClose(actual: sums, expected: expected)
  }
}
