"""Between the lessons: what did you understand, and where do you go on?"""

from labkit.course.overview import progress
from labkit.course.quizzes import quiz

__all__ = ["progress", "quiz"]
