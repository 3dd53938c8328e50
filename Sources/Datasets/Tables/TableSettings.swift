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
    /// the last. In a table that has none, the training rows' mean. For rows in the order of time: see `SplitPlan.isInOrder`.
    case interpolate
  }

  /// How numbers far from the others are treated: they are clipped to bounds, or the training rows that have them are dropped.
  public enum Outliers: Codable, Equatable, Sendable {
    /// They stay.
    case keep
    /// Bounds this many standard deviations from the mean.
    case deviations(Double)
    /// Bounds this many interquartile ranges below the first and above the third quartile; Tukey's is 1.5.
    case interquartile(Double)
    /// Training rows beyond this many standard deviations from a column's mean are dropped (a z-score).
    case dropDeviations(Double)
    /// Training rows beyond this many interquartile ranges below a column's first or above its third quartile are dropped.
    case dropInterquartile(Double)
  }

  /// Numbers made categories of: the interval that a number lies in takes its place (scikit-learn's `KBinsDiscretizer`).
  public struct Binning: Codable, Equatable, Sendable {
    /// Where intervals end.
    public enum Strategy: String, Codable, CaseIterable, Sendable {
      /// Intervals of one width.
      case uniform
      /// Intervals that as many training rows lie in.
      case quantile
    }

    /// What an interval becomes.
    public enum Encoding: String, Codable, CaseIterable, Sendable {
      /// A feature for each interval.
      case oneHot
      /// The interval's number from 0, which is scaled as other numbers are.
      case ordinal
    }

    /// The number of intervals. Equal bounds of quantiles leave fewer.
    public var bins: Int
    /// Where the intervals end.
    public var strategy: Strategy
    /// What an interval becomes.
    public var encoding: Encoding
    /// The columns; nil for all of numbers.
    public var columns: [String]?

    /// Five intervals that hold equally many rows, as features of their own, of all numbers.
    public init(
      bins: Int = 5, strategy: Strategy = .quantile, encoding: Encoding = .oneHot, columns: [String]? = nil
    ) {
      self.bins = bins
      self.strategy = strategy
      self.encoding = encoding
      self.columns = columns
    }
  }

  /// How columns of numbers are scaled.
  public enum Scaling: String, Codable, CaseIterable, Sendable {
    /// They are not.
    case none
    /// To mean 0 and standard deviation 1 (scikit-learn's `StandardScaler`).
    case standard
    /// To 0 … 1 (scikit-learn's `MinMaxScaler`).
    case minMax
    /// To −1 … 1 (`MinMaxScaler(feature_range=(-1, 1))`).
    case symmetric
    /// The median becomes 0, and the distance between the quartiles 1 (`RobustScaler`).
    case robust
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
  /// nil where numbers stay numbers.
  public var binning: Binning?
  /// Columns of dates, and what becomes of them; nil where there are none.
  public var dates: DateSettings?

  /// Settings for predicting a column.
  public init(target: String, task: Task? = nil) {
    self.target = target
    self.task = task
  }

  /// Refuses to fill gaps from neighbours where it says nothing which rows are beside each other.
  func checkOrder(_ plan: SplitPlan, path: String) throws(TableFault) {
    if missing == .interpolate, !plan.isInOrder { throw .interpolatesUnordered(path: path) }
  }

  /// Refuses numbers that make no features.
  public func validate() throws(TableFault) {
    guard (1...8).contains(polynomialDegree) else {
      throw .invalidSetting(name: "polynomial degree", value: "\(polynomialDegree)", allowed: "1 to 8")
    }
    switch outliers {
    case .keep: break
    case .deviations(let factor), .interquartile(let factor), .dropDeviations(let factor),
      .dropInterquartile(let factor):
      guard factor > 0, factor.isFinite else {
        throw .invalidSetting(name: "outliers' factor", value: "\(factor)", allowed: "a number above 0")
      }
    }
    if let binning {
      guard (2...1000).contains(binning.bins) else {
        throw .invalidSetting(name: "number of bins", value: "\(binning.bins)", allowed: "2 to 1000")
      }
      if binning.columns?.isEmpty ?? false {
        throw .invalidSetting(name: "columns of bins", value: "none", allowed: "at least one")
      }
    }
    try dates?.validate(target: target)
    if excluded.holds(target) {
      throw .invalidSetting(name: "excluded column", value: "'\(target)'", allowed: "another than the target")
    }
  }
}
