#if TensorBoard
  import AviaryArchives
  import AviaryLayers
  import AviaryTensors
  import AviaryTraining

  /// Writes what is seen of a run into an event file: scalars of every epoch and every inspected step, histograms of weights and
  /// gradients, the images that the network sees first, and the confusion matrix of every validation.
  ///
  /// ```swift
  /// let log = TensorBoardLog(in: "runs/first")
  /// log.attach(to: &hooks)
  /// ```
  public final class TensorBoardLog {
    private let folder: String
    /// Nil before the first event: nothing is written before the run has checked everything.
    private var file: EventFile?
    /// The run's last step.
    private var step = 0
    private var hasImages = false
    /// What went wrong where nothing can be thrown; it is thrown at the next opportunity.
    private var fault: ArchiveFault?

    /// A log in this folder, which is made with the first event.
    public init(in folder: String) { self.folder = folder }

    /// The event file; nil before the first event.
    public var path: String? { file?.path }

    private var events: EventFile {
      get throws(ArchiveFault) {
        if let file { return file }
        let made = try EventFile(in: folder)
        file = made
        return made
      }
    }

    /// Makes a run write to the log, beside what its hooks do already. Where its steps are not inspected, one an epoch will be.
    public func attach(to hooks: inout TrainingHooks) {
      hooks.inspectionInterval = hooks.inspectionInterval ?? 0
      let (observe, inspect, validated) = (hooks.observe, hooks.inspect, hooks.validated)
      hooks.observe = { [self] event in
        observe(event)
        do throws(ArchiveFault) { try write(event) } catch { fault = fault ?? error }
      }
      hooks.inspect = { [self] report in
        try inspect(report)
        try throwFault()
        try write(report)
      }
      hooks.validated = { [self] metrics in
        try validated(metrics)
        try throwFault()
        try writeConfusion(metrics)
      }
    }

    private func throwFault() throws(ArchiveFault) { if let fault { throw fault } }

    private func write(_ event: LoopEvent) throws(ArchiveFault) {
      switch event {
      case .stepped(let state):
        try begin(at: state.globalStep)
        step = state.globalStep
      case .finishedEpoch(let row, _):
        try write(row.training, "train")
        if let validation = row.validation { try write(validation, "validation") }
        try events.scalar("learning_rate", row.learningRate, step: step)
        if let rate = row.itemsPerSecond { try events.scalar("items_per_second", rate, step: step) }
      case .validating, .stoppedEarly: break
      }
    }

    /// The first step that is seen is not the first of a resumed run.
    private func begin(at first: Int) throws(ArchiveFault) {
      if step == 0, first > 1 { try events.resume(at: first) }
      step = first
    }

    private func write(_ scores: Scores, _ part: String) throws(ArchiveFault) {
      for quantity in Monitor.allCases {
        guard let value = scores[quantity] else { continue }
        try events.scalar("\(quantity.rawValue)/\(part)", value, step: step)
      }
    }

    private func write(_ report: StepReport) throws(ArchiveFault) {
      try begin(at: report.step)
      try events.scalar("loss/step", report.scores.loss, step: step)
      if let accuracy = report.scores.accuracy { try events.scalar("accuracy/step", accuracy, step: step) }
      try events.scalar("learning_rate/step", report.learningRate, step: step)
      try events.scalar("gradient_norm/all", report.gradientNorm, step: step)
      for layer in report.layers {
        if let norm = layer.gradientNorm { try events.scalar("gradient_norm/\(layer.path)", norm, step: step) }
        if let share = layer.deadRelus { try events.scalar("dead_relus/\(layer.path)", share, step: step) }
      }
      for (path, parameter) in report.model.namedParameters() {
        try events.histogram("weights/\(path)", parameter.tensor.scalars, step: step)
      }
      for (path, gradient) in report.gradients {
        try events.histogram("gradients/\(path)", gradient.scalars, step: step)
      }
      if !hasImages, let images = report.images { try write(images, step: step) }
    }

    /// The first images of a batch, each stretched from 0 to 1.
    private func write(_ images: Tensor, step: Int) throws(ArchiveFault) {
      hasImages = true
      guard images.rank == 4, [1, 3].contains(images.shape[1]) else { return }
      let (shape, scalars) = (Array(images.shape[1...]), images.scalars)
      let size = shape.reduce(1, *)
      for number in 0..<min(8, images.shape[0]) {
        let own = scalars[number * size..<(number + 1) * size]
        let (low, high) = (own.min() ?? 0, own.max() ?? 0)
        let scale = high > low ? 1 / (high - low) : 0
        try events.image("images/\(number)", Tensor(own.map { ($0 - low) * scale }, shape: shape), step: step)
      }
    }

    /// The shares of each true class, a row each, the darker the larger; nothing of more classes than a picture can show.
    private func writeConfusion(_ metrics: ClassificationMetrics) throws(ArchiveFault) {
      let count = metrics.classes.count
      guard count > 0, count <= ClassificationMetrics.mostInMatrix else { return }
      let shades = metrics.confusionRates.flatMap { $0.map { Float(1 - ($0 ?? 0)) } }
      try events.image(
        "confusion/validation", Tensor(shades, shape: [1, count, count]), step: step,
        factor: max(1, min(32, 512 / count)))
    }
  }
#endif
