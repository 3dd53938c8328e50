/// Layers of the frozen set that are trained from a later epoch on (Howard and Ruder, "Universal Language Model Fine-tuning",
/// 2018). Their part of the optimizer's state begins there.
public struct Unfreezing: Codable, Equatable, Sendable, CustomStringConvertible {
  /// A pattern: see `LayerPattern`.
  public var layers: String
  /// The first epoch that they are trained in, counted from 1.
  public var epoch: Int

  /// Layers by a pattern, from an epoch on, which is counted from 1.
  public init(_ layers: String, from epoch: Int) {
    self.layers = layers
    self.epoch = epoch
  }

  /// As the command takes it: `layer4@3`.
  public var description: String { "\(layers)@\(epoch)" }

  func validate() throws(TrainingFault) {
    try TrainingFault.check("epoch of --unfreeze \(self)", epoch, (1...100_000).contains(epoch), "1 to 100000")
  }
}
