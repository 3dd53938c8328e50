import AviaryLayers
import AviaryTensors

/// The numbers that a network puts out for one example, in the order that the framework it comes from has: those of one position
/// together, unless that has channels first.
public struct OutputNumbers: Equatable, Sendable {
  /// Row-major.
  public let values: [Double]
  /// The sizes of the positions, where there are any, and then how many numbers there are at each: [F], [T, F] or [H, W, F]; or
  /// [F, T] and [F, H, W] with channels first.
  public let shape: [Int]

  /// - Parameter shape: that of the values.
  public init(_ values: [Double], shape: [Int]) {
    (self.values, self.shape) = (values, shape)
  }

  /// Of each example of a batch.
  ///
  /// - Parameters:
  ///   - outputs: [N, F, …]
  ///   - isChannelsFirst: whether the numbers are to be in that order, too.
  ///   - restored: brings a number into the units of the data.
  public static func each(
    of outputs: Tensor, isChannelsFirst: Bool = false, restored: (Float) -> Double = { Double($0) }
  ) -> [OutputNumbers] {
    let outputs = isChannelsFirst ? outputs : inference { outputs.channelsLast() }
    let shape = Array(outputs.shape.dropFirst())
    let width = shape.reduce(1, *)
    let scalars = outputs.scalars
    return (0..<outputs.shape[0]).map { row in
      OutputNumbers(scalars[row * width..<(row + 1) * width].map(restored), shape: shape)
    }
  }
}
