"""The lane's arithmetic of rates and intervals, where the benchmarks look for it."""

from lane.intervals import CONFIDENCE as CONFIDENCE
from lane.intervals import Rate as Rate
from lane.intervals import beta_cdf as beta_cdf
from lane.intervals import beta_quantile as beta_quantile
from lane.intervals import rate as rate
