/// Where the channels and the positions of a layer's output lie.
enum FeatureLayout: Equatable {
  /// [N, C, …]
  case channelsFirst
  /// [N, …, C]
  case channelsLast
  /// [N, T, C], whose last steps are patches of an image in a grid, after class tokens.
  case tokens(before: Int, grid: [Int])

  /// - Parameters:
  ///   - shape: of the layer's output.
  ///   - input: the shape of the model's.
  /// - Returns: nil where the output has no positions that correspond to those of the input.
  init?(_ shape: [Int], input: [Int]) {
    guard shape.count >= 3, input.count >= 3, shape[0] == input[0], !shape.contains(0) else { return nil }
    if shape.count == input.count {
      guard shape.count == 4 else {
        self = .channelsFirst
        return
      }
      // Channels are last only where that alone has the proportions of the image.
      let first = Self.misfit(shape[2], shape[3], input)
      let last = Self.misfit(shape[1], shape[2], input)
      self = last < first ? .channelsLast : .channelsFirst
      return
    }
    guard shape.count == 3, input.count == 4 else { return nil }
    for before in 0...min(2, shape[1] - 1) {
      let count = shape[1] - before
      let height = (Double(count) * Double(input[2]) / Double(input[3])).squareRoot().rounded()
      guard height >= 1, count % Int(height) == 0 else { continue }
      let grid = [Int(height), count / Int(height)]
      if Self.misfit(grid[0], grid[1], input) < 1 {
        self = .tokens(before: before, grid: grid)
        return
      }
    }
    return nil
  }

  /// How many columns a map has too many or too few for the proportions of the input, [N, C, H, W].
  private static func misfit(_ height: Int, _ width: Int, _ input: [Int]) -> Double {
    (Double(height) * Double(input[3]) / Double(input[2]) - Double(width)).magnitude
  }

  /// How many positions an output of that shape has.
  func positions(_ shape: [Int]) -> Int {
    switch self {
    case .channelsFirst: shape.dropFirst(2).reduce(1, *)
    case .channelsLast: shape.dropFirst().dropLast().reduce(1, *)
    case .tokens(_, let grid): grid.reduce(1, *)
    }
  }
}
