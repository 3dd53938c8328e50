/// How a table's columns are prepared for a network. The numbers that this needs come from the training rows: see
/// `TablePreprocessing`.
public struct TableSettings: Codable, Equatable, Sendable {
  /// What the target is.
  public enum Task: String, Codable, CaseIterable, Sendable {
    /// One of a number of classes.
    case classification
    /// A number.
    case regression
  }

  /// How missing values are filled. Words get their most frequent value where a way is for numbers only.
  public enum Missing: String, Codable, CaseIterable, Sendable {
    /// The row is dropped.
    case dropRow
    /// By the mean of the training part.
    case mean
    /// By the median of the training part.
    case median
    /// The smallest of the most frequent values.
    case mostFrequent
    /// On a straight line between the neighbouring rows that have a value; the nearest value before the first and after
    /// the last. In a table that has none, the training rows' mean.
    case interpolate
  }

  /// How numbers far from the others are treated: they are clipped to bounds.
  public enum Outliers: Codable, Equatable, Sendable {
    /// They stay.
    case keep
    /// Bounds this many standard deviations from the mean.
    case deviations(Double)
    /// Bounds this many interquartile ranges below the first and above the third quartile; Tukey's is 1.5.
    case interquartile(Double)
  }

  /// How columns of numbers are scaled.
  public enum Scaling: String, Codable, CaseIterable, Sendable {
    /// They are not.
    case none
    /// To mean 0 and standard deviation 1 (scikit-learn's `StandardScaler`).
    case standard
    /// To 0 … 1 (scikit-learn's `MinMaxScaler`).
    case minMax
  }

  /// The column to predict.
  public var target: String
  /// nil: classification where the target holds words, or nothing but 0 and 1; regression where it holds other numbers.
  public var task: Task?
  /// Columns that are not used, such as a row's number.
  public var excluded: [String] = []
  /// What stands for missing values.
  public var missing = Missing.mean
  /// What becomes of outliers.
  public var outliers = Outliers.keep
  /// The largest number of numeric columns whose product becomes a feature (scikit-learn's `PolynomialFeatures` without bias).
  public var polynomialDegree = 1
  /// Whether a product has each column at most once.
  public var interactionsOnly = false
  /// How columns of numbers are scaled.
  public var scaling = Scaling.standard
  /// Whether a regression's target is brought to mean 0 and standard deviation 1 for training; predictions are in its own units.
  public var standardisesTarget = true

  /// Settings for predicting a column.
  public init(target: String, task: Task? = nil) {
    self.target = target
    self.task = task
  }

  /// Refuses numbers that make no features.
  public func validate() throws(TableFault) {
    guard (1...8).contains(polynomialDegree) else {
      throw .invalidSetting(name: "polynomial degree", value: "\(polynomialDegree)", allowed: "1 to 8")
    }
    switch outliers {
    case .keep: break
    case .deviations(let factor), .interquartile(let factor):
      guard factor > 0, factor.isFinite else {
        throw .invalidSetting(name: "outliers' factor", value: "\(factor)", allowed: "a number above 0")
      }
    }
    if excluded.holds(target) {
      throw .invalidSetting(name: "excluded column", value: "'\(target)'", allowed: "another than the target")
    }
  }
}
