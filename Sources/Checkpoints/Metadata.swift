extension Checkpoint {
  /// What a file says about its weights. All of it is optional: most foreign files say nothing.
  ///
  /// Text that a file holds as JSON is parsed when the file is read, so that everything here is a value.
  public struct Metadata: Sendable, Equatable {
    /// The registry's name of the network.
    public var architecture: String?
    /// The network's configuration: an object.
    public var configuration: JSONValue?
    /// Class names in the order of the head's outputs; nil where the file does not name them.
    public var classes: [String]?
    /// How inputs are prepared. Of images: size, crop, interpolation, channel order, scale, mean and deviation.
    public var preprocessing: JSONValue?
    /// What the weights reached, by the metric's name: `validation_accuracy`.
    public var metrics: [String: Double] = [:]
    /// The licence of the weights.
    public var licence: String?
    /// Where the weights come from.
    public var provenance: String?
    /// The model was stored without its classifier head.
    public var headAbsent = false
    /// Patterns of the layers that were frozen.
    public var frozen: [String] = []
    /// Numbers that say how layers work, by path: `bn1.epsilon`, `bn1.momentum`.
    public var settings: [String: Double] = [:]
    /// Everything else that a file says in words, by name.
    public var extra: [String: String] = [:]

    /// Nothing known.
    public init() {}
  }

  /// What exact resumption needs besides the weights.
  public struct TrainingState: Sendable {
    /// One parameter's optimizer state.
    public struct Slots: Sendable {
      /// Updates that this parameter has had.
      public var step: Int
      /// Such as `momentum`, or Adam's `first_moment` and `second_moment`.
      public var arrays: [String: StoredArray]

      /// The state of a parameter after a number of updates.
      public init(step: Int, arrays: [String: StoredArray]) {
        self.step = step
        self.arrays = arrays
      }
    }

    /// By parameter path.
    public var optimizer: [String: Slots]
    /// Moving averages of parameters, by parameter path.
    public var averages: [String: StoredArray]
    /// Where the training loop stands: random, sampler and schedule state, and the history. Only the loop knows its members.
    public var state: JSONValue?

    /// The state of a run; what is left out is empty.
    public init(
      optimizer: [String: Slots] = [:], averages: [String: StoredArray] = [:], state: JSONValue? = nil
    ) {
      self.optimizer = optimizer
      self.averages = averages
      self.state = state
    }
  }
}
