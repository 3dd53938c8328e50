import Synchronization

/// Progress and notes on standard error, which a person can do without; errors are not among them.
public enum Notices {
  private static let silenced = Atomic(false)

  /// Whether nothing but errors is printed on standard error.
  public static var areSilenced: Bool {
    get { silenced.load(ordering: .relaxed) }
    set { silenced.store(newValue, ordering: .relaxed) }
  }
}
